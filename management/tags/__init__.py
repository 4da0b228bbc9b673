"""Known tags of a registry over HTTP: for a comparison with the registry itself."""
