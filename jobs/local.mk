suitesdir = $(pkgdatadir)/jobs/suites
dist_suites_DATA = jobs/suites/vtab-1k.json
jobsdir = $(pkgdatadir)/jobs
dist_jobs_DATA = jobs/README jobs/bit-l-r101x1.json jobs/bit-l-r101x3.json jobs/bit-l-r152x4.json jobs/bit-l-r50x1.json \
	jobs/bit-l-r50x3.json jobs/bit-m-r101x1.json jobs/bit-m-r101x3.json jobs/bit-m-r152x4.json jobs/bit-m-r50x1.json \
	jobs/bit-m-r50x3.json jobs/bit-s-r101x1.json jobs/bit-s-r101x3.json jobs/bit-s-r152x4.json jobs/bit-s-r50x1.json \
	jobs/bit-s-r50x3.json jobs/cluster-r50x1.json jobs/demo.json jobs/finetune.json jobs/finetune-digits.json jobs/retinanet-r101x3.json
dist_jobs_DATA += jobs/random-search-digits.json jobs/upstream-digits.json
