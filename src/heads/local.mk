# Floor 2: tasks, each a head over the backbone's features.
noinst_LIBRARIES += libheads.a
libheads_a_SOURCES = src/heads/classify.c src/heads/loss.c src/heads/score.c src/heads/score.h \
	src/heads/detect/anchors.c src/heads/detect/detections.c src/heads/detect/loss.c src/heads/detect/match.c \
	src/heads/detect/detect.c src/heads/detect/layout.c src/heads/detect/forward.c src/heads/detect/backward.c src/heads/detect/net.h
libheads_a_SOURCES += src/heads/calibrate.c src/heads/metrics.c src/heads/metrics.h src/heads/rank.c src/heads/report.c
HEADS_LIBS = libheads.a $(COMPUTE_LIBS) $(BASE_LIBS)
include tests/heads/local.mk
