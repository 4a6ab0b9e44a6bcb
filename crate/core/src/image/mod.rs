//! PE images in memory: identity, exports, unwind data, version resource, debug record.
