//! stackcast
