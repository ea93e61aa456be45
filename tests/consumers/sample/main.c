/* The sample application as a program: usage: vault READER. Reads a PIN per line, answers with a line for
 * each, and stays connected until the input ends. */
#include "vault.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char* argv[]) {
    struct vault* vault = argc == 2 ? vault_open(argv[1]) : NULL;
    if (vault == NULL) {
        fprintf(stderr, "vault: no card in reader %s\n", argc == 2 ? argv[1] : "(none given)");
        return 1;
    }
    printf("connected\n");
    fflush(stdout);
    char pin[64];
    char secret[128];
    while (fgets(pin, sizeof(pin), stdin) != NULL) {
        pin[strcspn(pin, "\n")] = '\0';
        switch (vault_read(vault, pin, NULL, NULL, secret, sizeof(secret))) {
        case VAULT_OK:
            printf("secret: %s\n", secret);
            break;
        case VAULT_WRONG_PIN:
            printf("wrong PIN\n");
            break;
        case VAULT_CARD_ERROR:
            printf("card error\n");
            break;
        }
        fflush(stdout);
    }
    vault_close(vault);
    return 0;
}
