/* Named points of the commit protocol at which a test build can be killed or held up: BIT_TEST_KILL_AT=point[:rank[:nth]] in the
 * environment sends SIGKILL there (the nth time), BIT_TEST_WAIT_AT=point[:rank[:nth]] waits for a second. Compiled in with
 * -DBIT_TEST_POINTS only. */
#ifndef BIT_STORE_POINTS_H
#define BIT_STORE_POINTS_H

/* X(name, does every rank pass it?) in the order of the protocol. */
#define STORE_POINTS(X) \
    X(prepared, 1) X(folder_made, 1) X(shard_created, 1) X(shard_closed, 1) X(shard_half, 1) X(shard_written, 1) \
    X(master_created, 0) X(master_closed, 0) X(master_synced, 0) X(shard_synced, 1) X(agreed, 1) \
    X(manifest_written, 0) X(replacing, 0) X(renamed, 0) X(parent_synced, 0) X(retiring, 0) X(retired, 0) X(done, 1)

enum store_point {
#define STORE_POINT_ENUM(name, every) STORE_POINT_##name,
    STORE_POINTS(STORE_POINT_ENUM)
    STORE_POINT_COUNT
};

#ifdef BIT_TEST_POINTS
void store_point(enum store_point point, int rank);
const char *store_point_name(int point); /* NULL past the end */
int store_point_everywhere(int point);
#else
static inline void store_point(enum store_point point, int rank) { (void)point, (void)rank; }
#endif

#endif
