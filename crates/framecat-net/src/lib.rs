//! framecat-net
