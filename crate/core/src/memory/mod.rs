//! Physical pages, address translation, and virtual reads that say why a byte is missing.
