//! Footage of any range as one MP4.
