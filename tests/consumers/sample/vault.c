#include "vault.h"

#include <stdlib.h>
#include <string.h>
#include <winscard.h>

/* The planted bugs: VAULT_NO_LOCK forgets exclusive access altogether, VAULT_LOCK_LEFT forgets to end it on
 * one path. */

struct vault {
    SCARDCONTEXT context;
    SCARDHANDLE card;
    DWORD protocol;
};

struct vault* vault_open(const char* reader) {
    struct vault* vault = calloc(1, sizeof(*vault));
    if (vault == NULL ||
        SCardEstablishContext(SCARD_SCOPE_USER, NULL, NULL, &vault->context) != SCARD_S_SUCCESS) {
        free(vault);
        return NULL;
    }
    if (SCardConnect(vault->context, reader, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &vault->card,
                     &vault->protocol) != SCARD_S_SUCCESS) {
        SCardReleaseContext(vault->context);
        free(vault);
        return NULL;
    }
    return vault;
}

void vault_close(struct vault* vault) {
    if (vault != NULL) {
        SCardDisconnect(vault->card, SCARD_LEAVE_CARD);
        SCardReleaseContext(vault->context);
        free(vault);
    }
}

/* Sends a command; returns SW1-SW2, 0 when there was no answer. `out` takes the data as text. */
static unsigned exchange(struct vault* vault, const unsigned char* command, size_t length, char* out,
                         size_t room) {
    const SCARD_IO_REQUEST* pci = vault->protocol == SCARD_PROTOCOL_T0 ? SCARD_PCI_T0 : SCARD_PCI_T1;
    unsigned char reply[258];
    DWORD count = sizeof(reply);
    if (SCardTransmit(vault->card, pci, command, (DWORD)length, NULL, reply, &count) != SCARD_S_SUCCESS ||
        count < 2) {
        return 0;
    }
    if (out != NULL && room > 0) {
        const size_t data = count - 2 < room - 1 ? count - 2 : room - 1;
        memcpy(out, reply, data);
        out[data] = '\0';
    }
    return (unsigned)(reply[count - 2] << 8U | reply[count - 1]);
}

static unsigned verify(struct vault* vault, const char* pin) {
    unsigned char command[5 + 16] = {0x00, 0x20, 0x00, 0x01};
    const size_t length = strlen(pin) < 16 ? strlen(pin) : 16;
    command[4] = (unsigned char)length;
    memcpy(command + 5, pin, length);
    return exchange(vault, command, 5 + length, NULL, 0);
}

enum vault_result vault_read(struct vault* vault, const char* pin, void (*verified)(void*), void* argument,
                             char* out, size_t room) {
    static const unsigned char select[] = {0x00, 0xA4, 0x08, 0x0C, 0x04, 0x50, 0x00, 0x50, 0x05};
    static const unsigned char read[] = {0x00, 0xB0, 0x00, 0x00, 0x00};
    enum vault_result result = VAULT_CARD_ERROR;
#ifndef VAULT_NO_LOCK
    if (SCardBeginTransaction(vault->card) != SCARD_S_SUCCESS) {
        return VAULT_CARD_ERROR;
    }
#endif
    if (exchange(vault, select, sizeof(select), NULL, 0) == 0x9000) {
        if (verify(vault, pin) != 0x9000) {
#ifdef VAULT_LOCK_LEFT
            return VAULT_WRONG_PIN;
#endif
            result = VAULT_WRONG_PIN;
        } else {
            if (verified != NULL) {
                verified(argument);
            }
            result = exchange(vault, read, sizeof(read), out, room) == 0x9000 ? VAULT_OK : VAULT_CARD_ERROR;
        }
    }
#ifndef VAULT_NO_LOCK
    SCardEndTransaction(vault->card, SCARD_LEAVE_CARD);
#endif
    return result;
}
