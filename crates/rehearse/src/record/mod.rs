//! A reverse proxy that writes what a person clicks as a HAR file.
