// recording_disk.c · Tests/CoordinatorTests. A thin layer over SQLite's own way to the disk; see recording_disk.h.
#include "recording_disk.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 64 };

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static disk_step *steps;
static size_t count, room;
static char *names[MOST_FILES];
static int files;
static char folder[512];

typedef struct {
    sqlite3_file base;
    /// −1 where nothing is recorded.
    int number;
    // The real file follows.
} recorded_file;

static sqlite3_file *real_of(sqlite3_file *file) { return (sqlite3_file *)((recorded_file *)file + 1); }

static int number_of(const char *path) {
    if (!path || !*folder || strncmp(path, folder, strlen(folder)) != 0) return -1;
    for (int i = 0; i < files; i++)
        if (strcmp(names[i], path) == 0) return i;
    if (files == MOST_FILES) return -1;
    names[files] = strdup(path);
    return files++;
}

static void record(int kind, int file, int64_t offset, int64_t length, const void *bytes) {
    if (file < 0) return;
    pthread_mutex_lock(&guard);
    if (count == room) {
        room = room ? 2 * room : 1024;
        steps = realloc(steps, room * sizeof *steps);
    }
    uint8_t *copy = NULL;
    if (bytes) {
        copy = malloc((size_t)length);
        memcpy(copy, bytes, (size_t)length);
    }
    steps[count++] = (disk_step){kind, file, offset, length, copy};
    pthread_mutex_unlock(&guard);
}

static int do_close(sqlite3_file *f) { return real_of(f)->pMethods ? real_of(f)->pMethods->xClose(real_of(f)) : SQLITE_OK; }
static int do_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at) { return real_of(f)->pMethods->xRead(real_of(f), to, n, at); }
static int do_write(sqlite3_file *f, const void *from, int n, sqlite3_int64 at) {
    int code = real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
    if (code == SQLITE_OK) record(DISK_WRITE, ((recorded_file *)f)->number, at, n, from);
    return code;
}
static int do_truncate(sqlite3_file *f, sqlite3_int64 size) {
    int code = real_of(f)->pMethods->xTruncate(real_of(f), size);
    if (code == SQLITE_OK) record(DISK_TRUNCATE, ((recorded_file *)f)->number, 0, size, NULL);
    return code;
}
static int do_sync(sqlite3_file *f, int flags) {
    int code = real_of(f)->pMethods->xSync(real_of(f), flags);
    if (code == SQLITE_OK) record(DISK_SYNC, ((recorded_file *)f)->number, 0, 0, NULL);
    return code;
}
static int do_size(sqlite3_file *f, sqlite3_int64 *size) { return real_of(f)->pMethods->xFileSize(real_of(f), size); }
static int do_lock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xLock(real_of(f), l); }
static int do_unlock(sqlite3_file *f, int l) { return real_of(f)->pMethods->xUnlock(real_of(f), l); }
static int do_reserved(sqlite3_file *f, int *r) { return real_of(f)->pMethods->xCheckReservedLock(real_of(f), r); }
static int do_control(sqlite3_file *f, int op, void *arg) { return real_of(f)->pMethods->xFileControl(real_of(f), op, arg); }
static int do_sector(sqlite3_file *f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); }
// No promise about what a power cut does to a write that is under way: SQLite must not rely on one.
static int do_traits(sqlite3_file *f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)) & ~(SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_ATOMIC); }
static int do_map(sqlite3_file *f, int i, int n, int extend, void volatile **p) { return real_of(f)->pMethods->xShmMap(real_of(f), i, n, extend, p); }
static int do_shm_lock(sqlite3_file *f, int at, int n, int flags) { return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags); }
static void do_barrier(sqlite3_file *f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); }
static int do_unmap(sqlite3_file *f, int remove) { return real_of(f)->pMethods->xShmUnmap(real_of(f), remove); }

static const sqlite3_io_methods methods = {
    2,          do_close,    do_read,    do_write,  do_truncate, do_sync, do_size,     do_lock,    do_unlock,
    do_reserved, do_control, do_sector, do_traits, do_map,      do_shm_lock, do_barrier, do_unmap, 0, 0};

static sqlite3_vfs disk;
static sqlite3_vfs *real_disk;

static int do_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out) {
    (void)vfs;
    recorded_file *own = (recorded_file *)file;
    pthread_mutex_lock(&guard);
    own->number = number_of(path);
    pthread_mutex_unlock(&guard);
    int code = real_disk->xOpen(real_disk, path, real_of(file), flags, out);
    own->base.pMethods = real_of(file)->pMethods ? &methods : NULL;
    return code;
}

static int do_delete(sqlite3_vfs *vfs, const char *path, int sync) {
    (void)vfs;
    pthread_mutex_lock(&guard);
    int number = number_of(path);
    pthread_mutex_unlock(&guard);
    int code = real_disk->xDelete(real_disk, path, sync);
    if (code == SQLITE_OK) record(DISK_DELETE, number, 0, 0, NULL);
    // With this flag the directory is synced as well; without it a deleted file may be there again after a power cut.
    if (code == SQLITE_OK && sync) record(DISK_SYNC, number, 0, 0, NULL);
    return code;
}

int recording_disk_start(const char *path) {
    for (size_t i = 0; i < count; i++) free((void *)steps[i].bytes);
    for (int i = 0; i < files; i++) free(names[i]);
    count = 0;
    files = 0;
    strncpy(folder, path, sizeof folder - 1);
    if (!real_disk) {
        real_disk = sqlite3_vfs_find(NULL);
        disk = *real_disk;
        disk.zName = "recording";
        disk.szOsFile = (int)sizeof(recorded_file) + real_disk->szOsFile;
        disk.xOpen = do_open;
        disk.xDelete = do_delete;
        disk.pNext = NULL;
    }
    return sqlite3_vfs_register(&disk, 1);
}

void recording_disk_stop(void) {
    folder[0] = 0;
    // Files that are open keep working: the layer stays registered, only not as the default.
    sqlite3_vfs_register(real_disk, 1);
}

size_t recording_disk_count(void) { return count; }
const disk_step *recording_disk_step(size_t index) { return &steps[index]; }
const char *recording_disk_name(int file) { return names[file]; }
