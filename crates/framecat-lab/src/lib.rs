//! framecat-lab
