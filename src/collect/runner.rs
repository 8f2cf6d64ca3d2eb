//! Runs collectors at their own pace. (stub)
