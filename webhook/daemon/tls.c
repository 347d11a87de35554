/*
 * GnuTLS borrows the certificate for the length of a handshake and does not say when it is done. So a pair that has
 * been replaced is kept for longer than any handshake may last, and freed when the next one is replaced after that:
 * at most a few pairs wait at any time.
 */
#include "daemon/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/thread_safety.h"

#define CHAIN_MAX 16
#define KEY_ID_SIZE 32 /* SHA-256 */

struct pair {
        gnutls_pcert_st chain[CHAIN_MAX];
        unsigned int n_chain;
        gnutls_privkey_t key;
        struct tls_certificate description;
        int64_t retired_at;  /* monotonic; when it was replaced */
        struct pair *former; /* owned; the one that it replaced */
};

static struct lock tls_lock = {.mutex = PTHREAD_MUTEX_INITIALIZER};
static struct pair *current; /* owned; guarded by tls_lock */

static struct pair *pair_free(struct pair *pair)
{
        while (pair) {
                struct pair *former = pair->former;

                for (unsigned int i = 0; i < pair->n_chain; i++)
                        gnutls_pcert_deinit(&pair->chain[i]);
                if (pair->key)
                        gnutls_privkey_deinit(pair->key);
                free(pair);
                pair = former;
        }
        return NULL;
}
DEFINE_CLEANUP(struct pair *, pair_free);

static gnutls_datum_t datum(const char *text)
{
        return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned int)strlen(text)};
}

static int read_pair(struct pair *pair, const char *chain, const char *key, struct error *error)
{
        gnutls_datum_t chain_datum = datum(chain), key_datum = datum(key);
        int r;

        pair->n_chain = CHAIN_MAX;
        r = gnutls_pcert_list_import_x509_raw(pair->chain, &pair->n_chain, &chain_datum, GNUTLS_X509_FMT_PEM, 0);
        if (r < 0) {
                pair->n_chain = 0;
                return error_set(error, EINVAL, "cannot use the certificate: %s", gnutls_strerror(r));
        }
        r = gnutls_privkey_init(&pair->key);
        if (r >= 0)
                r = gnutls_privkey_import_x509_raw(pair->key, &key_datum, GNUTLS_X509_FMT_PEM, NULL, 0);
        return r < 0 ? error_set(error, EINVAL, "cannot use the private key: %s", gnutls_strerror(r)) : 0;
}

/* Cuts off the pairs that no handshake can be using any more; the caller frees them. */
static struct pair *take_outdated(struct pair *newest, int64_t now)
{
        for (struct pair *pair = newest; pair->former; pair = pair->former) {
                if (now - pair->former->retired_at > 2 * TLS_HANDSHAKE_MAX * NS_PER_SECOND)
                        return steal_pointer(&pair->former);
        }
        return NULL;
}

/* By which GnuTLS knows a public key; false where it cannot tell. */
static bool identify(gnutls_pubkey_t key, unsigned char ret[static KEY_ID_SIZE])
{
        size_t size = KEY_ID_SIZE;

        return gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, ret, &size) == 0 && size == KEY_ID_SIZE;
}

static int check_key(const struct pair *pair, struct error *error)
{
        unsigned char certified[KEY_ID_SIZE], ours[KEY_ID_SIZE];
        gnutls_pubkey_t key;
        bool same;

        if (gnutls_pubkey_init(&key) < 0)
                return error_oom(error);
        same = gnutls_pubkey_import_privkey(key, pair->key, 0, 0) == 0 && identify(key, ours) &&
               identify(pair->chain[0].pubkey, certified) && !memcmp(ours, certified, KEY_ID_SIZE);
        gnutls_pubkey_deinit(key);
        return same ? 0 : error_set(error, EKEYREJECTED, "the private key does not belong to the certificate");
}

static void print_fingerprint(char ret[static TLS_FINGERPRINT_SIZE], const unsigned char *digest, size_t size)
{
        for (size_t i = 0; i < size; i++)
                snprintf(&ret[3 * i], 4, "%02X%s", digest[i], i + 1 < size ? ":" : "");
}

/* By GnuTLS, as all that is served is; the same as certs_inspect() and certs_fingerprint() tell by OpenSSL. */
static int describe(struct tls_certificate *ret, const struct pair *pair, struct error *error)
{
        unsigned char digest[TLS_FINGERPRINT_SIZE / 3];
        size_t size = sizeof(digest);
        gnutls_x509_crt_t certificate;
        int r;

        if (!pair->n_chain || gnutls_pcert_export_x509((gnutls_pcert_st *)&pair->chain[0], &certificate) < 0)
                return error_set(error, EINVAL, "cannot use the certificate: there is none");
        ret->not_before = gnutls_x509_crt_get_activation_time(certificate);
        ret->not_after = gnutls_x509_crt_get_expiration_time(certificate);
        r = gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest, &size);
        gnutls_x509_crt_deinit(certificate);
        if (r < 0)
                return error_set(error, EINVAL, "cannot use the certificate: %s", gnutls_strerror(r));
        print_fingerprint(ret->fingerprint, digest, size);
        return 0;
}

int tls_use(const char *chain, const char *key, struct error *error)
{
        _cleanup_(pair_freep) struct pair *pair = calloc(1, sizeof(*pair)), *outdated = NULL;
        int r;

        if (!pair)
                return error_oom(error);
        r = read_pair(pair, chain, key, error);
        if (r >= 0)
                r = check_key(pair, error);
        if (r >= 0)
                r = describe(&pair->description, pair, error);
        if (r < 0)
                return r;

        lock_acquire(&tls_lock);
        if (current)
                current->retired_at = clock_monotonic();
        pair->former = current;
        current = steal_pointer(&pair);
        outdated = take_outdated(current, clock_monotonic());
        lock_release(&tls_lock);
        return 0;
}

bool tls_current(struct tls_certificate *ret)
{
        bool there;

        lock_acquire(&tls_lock);
        there = current;
        if (there)
                *ret = current->description;
        lock_release(&tls_lock);
        return there;
}

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_dn, int nreqs,
                 const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length, gnutls_pcert_st **ret_pcert,
                 unsigned int *ret_pcert_length, gnutls_privkey_t *ret_privkey)
{
        int r = -1;

        (void)session, (void)req_ca_dn, (void)nreqs, (void)pk_algos, (void)pk_algos_length;
        lock_acquire(&tls_lock);
        if (current) {
                *ret_pcert = current->chain;
                *ret_pcert_length = current->n_chain;
                *ret_privkey = current->key;
                r = 0;
        }
        lock_release(&tls_lock);
        return r;
}

void tls_forget(void)
{
        lock_acquire(&tls_lock);
        current = pair_free(current);
        lock_release(&tls_lock);
}
