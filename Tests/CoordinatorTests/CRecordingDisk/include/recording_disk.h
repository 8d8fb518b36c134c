// recording_disk.h · Tests/CoordinatorTests. A disk for SQLite that writes down everything that is done to the files below one folder,
// so that a test can make the state that a power cut at any moment would have left.
#ifndef RECORDING_DISK_H
#define RECORDING_DISK_H

#include <stddef.h>
#include <stdint.h>

enum { DISK_WRITE = 1, DISK_TRUNCATE = 2, DISK_SYNC = 3, DISK_DELETE = 4 };

typedef struct {
    int kind;
    /// Index of the file in order of its first opening; `recording_disk_name` gives its path.
    int file;
    int64_t offset;
    /// Length of a write, or the size that a truncation leaves.
    int64_t length;
    /// The bytes of a write; owned by the recording.
    const uint8_t *bytes;
} disk_step;

/// Makes this disk SQLite's default; files that are opened from then on below the folder are recorded, all others pass through.
/// From one thread at a time. Returns 0 when it is in place.
int recording_disk_start(const char *folder);
/// Gives the default back. The steps stay until the next start.
void recording_disk_stop(void);
size_t recording_disk_count(void);
const disk_step *recording_disk_step(size_t index);
const char *recording_disk_name(int file);

#endif
