//! Names and types: exports, embedded layouts by build, dropped PDB and ISF files.
