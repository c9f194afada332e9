"""Every fault that can be named."""

from tenantcheck.lab.faults.fault import Fault
from tenantcheck.lab.faults.front import FRONT_FAULTS
from tenantcheck.lab.faults.identity import IDENTITY_FAULTS
from tenantcheck.lab.faults.pool import POOL_FAULTS
from tenantcheck.lab.faults.weather import WEATHER

FAULTS: tuple[Fault, ...] = (*POOL_FAULTS, *IDENTITY_FAULTS, *FRONT_FAULTS, *WEATHER)
