#include "store/hdf5.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void h5_begin(void)
{
    static bool begun;
    if (!begun)
        H5dont_atexit();
    begun = true;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

struct reason { int number; char text[160]; };

/* The drivers put "errno = N" into their description; otherwise the deepest entry says most. */
static herr_t look(unsigned n, const H5E_error2_t *entry, void *data)
{
    struct reason *reason = data;
    (void)n;
    if (!entry->desc)
        return 0;
    const char *number = strstr(entry->desc, "errno = ");
    if (number && !reason->number)
        reason->number = atoi(number + 8);
    if (!reason->text[0])
        snprintf(reason->text, sizeof reason->text, "%s", entry->desc);
    return 0;
}

int h5_fail(struct bit_error *error, const char *what, const char *path)
{
    struct reason reason = {0};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look, &reason);
    H5Eclear2(H5E_DEFAULT);
    return bit_fail(error, BIT_EENVIRONMENT, "cannot %s %s: %s", what, path,
                    reason.number ? strerror(reason.number) : reason.text[0] ? reason.text : "HDF5 gives no reason");
}

hid_t h5_create(const char *path, struct bit_error *error)
{
    h5_begin();
    hid_t file = -1, access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
        H5Pset_alignment(access, 1 << 16, 4096) >= 0
#if H5_VERSION_GE(1, 14, 0) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
        /* Some cluster file systems refuse locks; nobody else can know the file yet. */
        && H5Pset_file_locking(access, 0, 1) >= 0
#endif
    )
        file = H5Fcreate(path, H5F_ACC_EXCL, H5P_DEFAULT, access);
    if (file < 0)
        h5_fail(error, "create", path);
    if (access >= 0)
        H5Pclose(access);
    return file;
}

int h5_close(hid_t id, const char *path, struct bit_error *error)
{
    if (id < 0)
        return 0;
    herr_t result = -1;
    switch (H5Iget_type(id)) {
    case H5I_FILE: result = H5Fclose(id); break;
    case H5I_GROUP: result = H5Gclose(id); break;
    case H5I_DATASET: result = H5Dclose(id); break;
    case H5I_DATASPACE: result = H5Sclose(id); break;
    case H5I_DATATYPE: result = H5Tclose(id); break;
    case H5I_ATTR: result = H5Aclose(id); break;
    default: result = H5Pclose(id); break;
    }
    return result < 0 ? h5_fail(error, "close", path) : 0;
}

static int attribute(hid_t object, const char *name, hid_t file_type, hid_t memory_type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = space < 0 ? -1 : H5Acreate2(object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT);
    int result = attribute < 0 || H5Awrite(attribute, memory_type, value) < 0 ? -1 : 0;
    if (attribute >= 0 && H5Aclose(attribute) < 0)
        result = -1;
    if (space >= 0)
        H5Sclose(space);
    return result;
}

int h5_attribute_u64(hid_t object, const char *name, uint64_t value)
{
    return attribute(object, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, &value);
}

int h5_attribute_double(hid_t object, const char *name, double value)
{
    return attribute(object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

int h5_attribute_text(hid_t object, const char *name, const char *value)
{
    int result = -1;
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && H5Tset_size(type, strlen(value) + 1) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
        result = attribute(object, name, type, type, value);
    if (type >= 0)
        H5Tclose(type);
    return result;
}
