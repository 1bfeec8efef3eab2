# The paper's claims in miniature (docs/EXPERIMENTS.md). EXPERIMENTS='--unpack --threads 1 glyphs transfer' and the like.
TESTS += tests/121-experiments.sh
EXTRA_DIST += docs/EXPERIMENTS.md tests/121-experiments.sh experiments/run experiments/tables.sh experiments/EXPERIMENTS.in \
	experiments/detection.json experiments/glyphs.json experiments/icons.json experiments/pictures.json experiments/pictures-scratch.json experiments/scripts.json \
	experiments/scripts-scratch.json experiments/tune-scratch.json experiments/tune-pictures.json experiments/tune-start.json experiments/data/build_datasets.py \
	experiments/data/glyphs.py experiments/data/icons.py experiments/data/install.sh experiments/data/pictures.py experiments/data/tools.py \
	experiments/README

# Hours; goes on where it was interrupted.
experiments: all
	@"$(srcdir)/experiments/run" --build . --work experiments-work $(EXPERIMENTS)
.PHONY: experiments
