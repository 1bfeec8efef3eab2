/* Named points in bitd and bit-keeper at which a test build can be killed: BITD_TEST_KILL_AT or KEEPER_TEST_KILL_AT=NAME:NTH:FILE in the
 * environment sends SIGKILL at the nth passing of that point, if FILE is there and can be removed: so it happens once, however often the
 * program is started. Compiled in with -DBIT_TEST_POINTS only. */
#ifndef DAEMON_POINTS_H
#define DAEMON_POINTS_H

/* X(name), in the order of a job's life. Of bitd: what is in the store, what was answered, what its processes know. */
#define DAEMON_POINTS(X) \
    X(opened) X(loaded) X(submitted) X(written) X(committing) X(committed) X(told) X(answered) X(spawning) X(spawned) X(identified) X(going) \
    X(gone) X(adopted) X(stopping) X(asked) X(judging) X(judged) X(resting) X(rested)

/* While the store of a former bitd is brought to this one's schema, of each step. */
#define UPGRADE_POINTS(X) \
    X(upgrade_copying) X(upgrade_copied) X(upgrade_begun) X(upgrade_made) X(upgrade_committed)

#define KEEPER_POINTS(X) \
    X(keeper_locked) X(keeper_known) X(keeper_told) X(keeper_started) X(keeper_wrote) X(keeper_ended) X(keeper_cleaned) X(keeper_filled) \
    X(keeper_renamed) X(keeper_leaves)

enum daemon_point {
#define DAEMON_POINT_ENUM(name) POINT_##name,
    DAEMON_POINTS(DAEMON_POINT_ENUM) UPGRADE_POINTS(DAEMON_POINT_ENUM) KEEPER_POINTS(DAEMON_POINT_ENUM)
    DAEMON_POINT_COUNT
};

#ifdef BIT_TEST_POINTS
void daemon_point(enum daemon_point point);
#else
static inline void daemon_point(enum daemon_point point) { (void)point; }
#endif

#endif
