"""Scripts that run in environments of their own, without Portcall's packages."""
