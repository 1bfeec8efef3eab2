#include "kind.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

enum { ANYWHERE = 64 };

/* Bytes `at` a place. The first that fits counts. */
static const struct { size_t at, size; const char *bytes, *name; } kinds[] = {
    {0, 4, "\x89PNG", "a PNG picture whose first bytes were changed (by a transfer as text?)"},
    {0, 8, "\x8AMNG\r\n\x1A\n", "an MNG film"},
    {0, 4, "GIF8", "a GIF picture: convert it to PNG or JPEG"},
    {8, 4, "WEBP", "a WebP picture: convert it to PNG or JPEG"},
    {0, 4, "RIFF", "a RIFF file (sound or film)"},
    {0, 4, "II*\0", "a TIFF picture: convert it to PNG or JPEG"},
    {0, 4, "MM\0*", "a TIFF picture: convert it to PNG or JPEG"},
    {4, 8, "ftypavif", "an AVIF picture: convert it to PNG or JPEG"},
    {4, 8, "ftypavis", "an AVIF picture: convert it to PNG or JPEG"},
    {4, 8, "ftypheic", "a HEIC picture (as telephones take them): convert it to PNG or JPEG"},
    {4, 8, "ftypheix", "a HEIC picture (as telephones take them): convert it to PNG or JPEG"},
    {4, 8, "ftyphevc", "a HEIC picture (as telephones take them): convert it to PNG or JPEG"},
    {4, 8, "ftypmif1", "a HEIF picture: convert it to PNG or JPEG"},
    {4, 8, "ftypmsf1", "a HEIF picture: convert it to PNG or JPEG"},
    {4, 4, "ftyp", "an MP4 film or a relative of it"},
    {0, 12, "\0\0\0\x0CJXL \r\n\x87\n", "a JPEG XL picture: convert it to PNG or JPEG"},
    {0, 2, "\xFF\x0A", "a JPEG XL picture: convert it to PNG or JPEG"},
    {0, 12, "\0\0\0\x0CjP  \r\n\x87\n", "a JPEG 2000 picture: convert it to PNG or JPEG"},
    {0, 4, "\xFF\x4F\xFF\x51", "a JPEG 2000 picture: convert it to PNG or JPEG"},
    {0, 4, "8BPS", "a Photoshop file: convert it to PNG or JPEG"},
    {0, 4, "\0\x05\x16\x07", "an AppleDouble file (what macOS notes beside a file; not the picture)"},
    {0, 4, "\0\x05\x16\0", "an AppleSingle file: not a plain picture"},
    {0, 26, "version https://git-lfs.gi", "a Git LFS pointer, not the picture: run git lfs pull"},
    {0, 15, "/annex/objects/", "a git-annex pointer, not the picture: run git annex get"},
    {0, 4, "%PDF", "a PDF file"},
    {0, 2, "\x1F\x8B", "a gzip file: unpack it"},
    {0, 4, "PK\x03\x04", "a ZIP file: unpack it"},
    {0, 4, "PK\x05\x06", "an empty ZIP file"},
    {0, 3, "BZh", "a bzip2 file: unpack it"},
    {0, 6, "\xFD" "7zXZ\0", "an xz file: unpack it"},
    {0, 4, "\x28\xB5\x2F\xFD", "a Zstandard file: unpack it"},
    {0, 6, "7z\xBC\xAF\x27\x1C", "a 7-Zip file: unpack it"},
    {0, 4, "Rar!", "a RAR file: unpack it"},
    {257, 5, "ustar", "a tar file: unpack it"},
    {0, 8, "\x89HDF\r\n\x1A\n", "an HDF5 file"},
    {0, 6, "\x93NUMPY", "a NumPy array"},
    {0, 4, "\x7F" "ELF", "a program"},
    {0, 2, "BM", "a BMP picture: convert it to PNG or JPEG"},
};

/* Texts, after blanks and a byte-order mark, in any case. */
static const struct { const char *start, *name; } texts[] = {
    {"<!doctype html", "an HTML page (a failed download?)"}, {"<html", "an HTML page (a failed download?)"},
    {"<head", "an HTML page (a failed download?)"}, {"<svg", "an SVG drawing"}, {"<?xml", "an XML file (an SVG drawing or a failed download?)"},
    {"{\"", "a JSON text (a failed download?)"},
};

static const char *kind_of_text(const uint8_t *data, size_t size)
{
    if (size >= 3 && !memcmp(data, "\xEF\xBB\xBF", 3))
        data += 3, size -= 3;
    while (size && strchr(" \t\r\n", *data) && *data)
        data++, size--;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t length = strlen(texts[i].start);
        if (size >= length && !strncasecmp((const char *)data, texts[i].start, length))
            return texts[i].name;
    }
    return NULL;
}

const char *bit_kind_of_bytes(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    size_t zeros = 0, printed = 0, seen = size < ANYWHERE ? size : ANYWHERE;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (size >= kinds[i].at + kinds[i].size && !memcmp(bytes + kinds[i].at, kinds[i].bytes, kinds[i].size))
            return kinds[i].name;
    const char *text = kind_of_text(bytes, size);
    if (text)
        return text;
    for (size_t i = 0; i < seen; i++) {
        zeros += bytes[i] == 0;
        printed += (bytes[i] >= 0x20 && bytes[i] < 0x7F) || (bytes[i] && strchr("\t\r\n", bytes[i]));
    }
    return zeros == seen ? "zeros only (a copy that was broken off, or a disk's fault?)" : printed == seen ? "a text" : NULL;
}

static const char *extension(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot != name ? dot + 1 : "";
}

static bool is_among(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!strcasecmp(word, words[i]))
            return true;
    return false;
}

bool bit_kind_is_picture(const char *name)
{
    static const char *const ours[] = {"jpg", "jpeg", "jpe", "jfif", "png"};
    return *name != '.' && is_among(extension(name), ours, sizeof ours / sizeof *ours);
}

const char *bit_kind_of_name(const char *name, bool *archive)
{
    static const struct { const char *ending, *kind; bool archive; } others[] = {
        {"apng", "animated PNG", false}, {"gif", "GIF", false}, {"webp", "WebP", false}, {"bmp", "BMP", false},
        {"dib", "BMP", false}, {"tif", "TIFF", false}, {"tiff", "TIFF", false}, {"heic", "HEIC", false}, {"heif", "HEIF", false},
        {"avif", "AVIF", false}, {"jxl", "JPEG XL", false}, {"jp2", "JPEG 2000", false}, {"j2k", "JPEG 2000", false},
        {"jpx", "JPEG 2000", false}, {"ppm", "PPM", false}, {"pgm", "PGM", false}, {"pnm", "PNM", false}, {"svg", "SVG", false},
        {"psd", "Photoshop", false}, {"dng", "raw", false}, {"cr2", "raw", false}, {"nef", "raw", false}, {"arw", "raw", false},
        {"ico", "icon", false}, {"jif", "JPEG named .jif", false}, {"jfi", "JPEG named .jfi", false},
        {"zip", "zip", true}, {"tar", "tar", true}, {"gz", "gzip", true}, {"tgz", "tar", true}, {"bz2", "bzip2", true},
        {"xz", "xz", true}, {"zst", "Zstandard", true}, {"7z", "7-Zip", true}, {"rar", "RAR", true}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcasecmp(extension(name), others[i].ending)) {
            *archive = others[i].archive;
            return others[i].kind;
        }
    return NULL;
}

bool bit_kind_is_service(const char *folder)
{
    static const char *const services[] = {"@eaDir", "@tmp", "@Recycle", "@Recently-Snapshot", "#recycle", "#snapshot", "__MACOSX",
        "lost+found", "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "__pycache__", "~snapshot"};
    return *folder == '.' || is_among(folder, services, sizeof services / sizeof *services);
}
