//! Writes faithful crash dumps of invented machines, from a scenario file.
