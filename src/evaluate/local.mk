# src/evaluate
