from tests.unit.store.contract.registries import InstallationContract, RegistriesContract


class TestRegistries(RegistriesContract):
    """On SQLite."""


class TestInstallation(InstallationContract):
    """On SQLite."""
