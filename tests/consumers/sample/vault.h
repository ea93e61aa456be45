/* The sample application that the consumers test: it reads a file of the filecard that only the PIN's owner
 * may read. Nothing here knows Cardlatch; it is a PC/SC program as one finds them. */
#ifndef VAULT_H
#define VAULT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum vault_result { VAULT_OK, VAULT_WRONG_PIN, VAULT_CARD_ERROR };

struct vault;

/** Connects to the card in `reader`. NULL when that fails. */
struct vault* vault_open(const char* reader);

/** Verifies the PIN and reads the secret into `out`. `verified`, when given, is called in between, for a
 * program that shows its progress. */
enum vault_result vault_read(struct vault* vault, const char* pin, void (*verified)(void*), void* argument,
                             char* out, size_t room);

void vault_close(struct vault* vault);

#ifdef __cplusplus
}
#endif

#endif
