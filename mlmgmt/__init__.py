"""The cmdlets of Azure Machine Learning Studio (classic) web services, on one machine."""

__version__ = "0.3.0"
