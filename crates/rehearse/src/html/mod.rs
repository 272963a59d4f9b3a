//! What a load test needs of an HTML page: forms, metas, attributes.
