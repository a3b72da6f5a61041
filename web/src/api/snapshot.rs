//! One picture as JPEG.
