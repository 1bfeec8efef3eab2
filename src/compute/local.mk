# src/compute
