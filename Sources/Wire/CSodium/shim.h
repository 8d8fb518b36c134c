// libsodium comes with libzmq3-dev, which is built on it; Wire/Vocabulary/Digest.swift is the only file that imports this.
#include <sodium/crypto_hash_sha256.h>
