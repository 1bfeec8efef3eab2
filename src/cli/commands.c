/* The table of bit's subcommands. */
#include "cli/cli.h"

/* One line a subcommand; help and version are main's own. */
const struct bit_command bit_commands[] = {
    {"plan", bit_cli_plan, "what a job will do on so many ranks: steps, rates, memory, warnings", &bit_plan_usage},
    {"check", bit_cli_check, "validate job files, and with --data the images they name", &bit_check_usage},
    {"bench", bit_cli_bench, "measure the speed of this machine", &bit_bench_usage},
    {"ckpt", bit_cli_ckpt, "list, verify, hash and show checkpoints", &bit_ckpt_usage},
    {"coco", bit_cli_coco, "average precision of detections, as COCO defines it", &bit_coco_usage},
    {"end", bit_cli_end, "what the end of a run means: done, again, later, or held, and why", &bit_end_usage},
    {"watch", bit_cli_watch, "watch a run from outside (bit-launch does so)", &bit_watch_usage},
    {"limits", bit_cli_limits, "cores, CPU quota and memory that this process may use", &bit_limits_usage},
    {"thumbnail", bit_cli_thumbnail, "what can still be seen of a damaged picture, as a small JPEG (bitd does so)", &bit_thumbnail_usage},
    {"predict", bit_cli_predict, "what a network takes images for", &bit_predict_usage},
    {"embed", bit_cli_embed, "features and outputs of all images of a set, as HDF5 or CSV", &bit_embed_usage},
    {"probe", bit_cli_probe, "few-shot accuracy of a network's features, without training it", &bit_probe_usage},
    {"dedup", bit_cli_dedup, "find copies of test pictures among those that a network learns from", &bit_dedup_usage},
#ifdef HAVE_DAEMON
    {"submit", bit_cli_submit, "hand a job to bitd, the daemon that keeps it going", &bit_submit_usage},
    {"status", bit_cli_status, "how the jobs of bitd stand", &bit_status_usage},
    {"logs", bit_cli_logs, "what a job has printed", &bit_logs_usage},
    {"checkpoint", bit_cli_checkpoint, "ask running jobs for a checkpoint", &bit_checkpoint_usage},
    {"pause", bit_cli_pause, "save and stop jobs until they are resumed", &bit_pause_usage},
    {"resume", bit_cli_resume, "let held jobs go on", &bit_resume_usage},
    {"cancel", bit_cli_cancel, "end jobs for good", &bit_cancel_usage},
    {"priority", bit_cli_priority, "have jobs start earlier, or later", &bit_priority_usage},
    {"rerun", bit_cli_rerun, "hand ended jobs in again", &bit_rerun_usage},
    {"queue", bit_cli_queue, "jobs in the order in which they start", &bit_queue_usage},
    {"hosts", bit_cli_hosts, "hosts of bitd, and draining them", &bit_hosts_usage},
    {"page", bit_cli_page, "the way to the page of bitd in a browser", &bit_page_usage},
#endif
    {"plot", bit_cli_plot, "write a page with the curves of a run", &bit_plot_usage},
    {"suite", bit_cli_suite, "fine-tune on many tasks from one set of weights, and judge them together", &bit_suite_usage},
    {"report", bit_cli_report, "write a page about runs: curves, tables, calibration, mistakes", &bit_report_usage},
    {"compare", bit_cli_compare, "do two runs differ on the same images? (McNemar)", &bit_compare_usage},
    {"compose", bit_cli_compose, "put cut-out objects on backgrounds: pictures out of context", &bit_compose_usage},
    {"labels", bit_cli_labels, "make a list of validation images from ReaL, ImageNet-V2 or ObjectNet labels", &bit_labels_usage},
};
const size_t bit_command_count = sizeof bit_commands / sizeof *bit_commands;
