# src/store
EXTRA_DIST += src/store/FORMAT.md
