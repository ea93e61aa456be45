/* C: runs inside `cardlatch run`, with a fresh card for each test. */
#include "../sample/vault.h"

#include <cardlatch/control.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;
static cardlatch_connection* control = NULL;

static void expect(int holds, const char* what) {
    if (!holds) {
        fprintf(stderr, "FAILED: %s %s\n", what, cardlatch_error(control));
        ++failures;
    }
}

static void expect_held(void* unused) {
    (void)unused;
    expect(cardlatch_acquire(control, 0, 1000) == CARDLATCH_NO, "another client got the card");
}

static void test_vault(const char* reader) {
    char secret[128];
    struct vault* app = vault_open(reader);
    expect(app != NULL, "vault_open");
    if (app == NULL) {
        return;
    }
    expect(vault_read(app, "123456", expect_held, NULL, secret, sizeof(secret)) == VAULT_OK, "secret");
    expect(vault_read(app, "999999", NULL, NULL, secret, sizeof(secret)) == VAULT_WRONG_PIN, "wrong PIN");
    expect(cardlatch_acquire(control, 0, 1000) == CARDLATCH_OK, "the lock was left behind");
    expect(cardlatch_fault_add(control, 0, "wrong-sw,sw=6581,ins=20", NULL, 0) == CARDLATCH_OK, "fault_add");
    expect(vault_read(app, "123456", NULL, NULL, secret, sizeof(secret)) != VAULT_OK, "a failing card");
    expect(cardlatch_fault_struck(control, "wrong-sw") == 1, "the fault struck");
    expect(cardlatch_acquire(control, 0, 1000) == CARDLATCH_OK, "the lock was left behind");
    expect(cardlatch_fault_clear(control) == CARDLATCH_OK, "fault_clear");
    expect(cardlatch_remove(control, 0) == CARDLATCH_OK, "remove");
    expect(vault_read(app, "123456", NULL, NULL, secret, sizeof(secret)) == VAULT_CARD_ERROR, "pulled");
    vault_close(app);
}

static void test_control(const struct cardlatch_slot* slot) {
    char* result = NULL;
    expect(strcmp(slot->profile, "filecard") == 0 && strcmp(slot->state, "present") == 0, "status");
    expect(cardlatch_insert(control, 0, "witness") == CARDLATCH_E_REFUSED, "insert into a full slot");
    expect(strstr(cardlatch_error(control), "a card is in slot 0") != NULL, "its sentence");
    expect(cardlatch_reset(control, 0) == CARDLATCH_OK, "reset");
    expect(cardlatch_remove(control, 7) == CARDLATCH_E_ARGUMENT, "no such slot");
    expect(cardlatch_insert(control, 0, "say \"platinum\"\n") < 0, "no such card");
    expect(cardlatch_call(control, "capabilities", NULL, &result) == CARDLATCH_OK && result != NULL &&
               strstr(result, "\"acquire\"") != NULL,
           "capabilities");
    free(result);
    char fault[32] = "";
    expect(cardlatch_type(control, 0, "123456", NULL) == CARDLATCH_E_REFUSED, "type without a PIN pad");
    expect(cardlatch_fault_add(control, 0, "wrong-sw,sw=6581,ins=20", fault, sizeof(fault)) == CARDLATCH_OK &&
               strcmp(fault, "wrong-sw") == 0,
           "fault_add");
    expect(cardlatch_fault_add(control, -1, "wrong-sw,name=wrong-sw", NULL, 0) == CARDLATCH_E_REFUSED,
           "a name that is taken");
    expect(cardlatch_fault_add(control, 0, "melt", NULL, 0) == CARDLATCH_E_ARGUMENT, "no such fault");
    expect(cardlatch_fault_struck(control, fault) == 0, "fault_struck");
    expect(cardlatch_fault_struck(control, "melt") == CARDLATCH_E_ARGUMENT, "fault_struck of none");
    expect(cardlatch_fault_remove(control, fault) == CARDLATCH_OK, "fault_remove");
    expect(cardlatch_fault_remove(control, fault) == CARDLATCH_E_ARGUMENT, "fault_remove again");
    struct cardlatch_slot added;
    expect(cardlatch_reader_add(control, "Second \"desk\"", NULL, NULL) == CARDLATCH_E_ARGUMENT,
           "a bad name");
    expect(cardlatch_reader_add(control, "Second", "witness", &added) == CARDLATCH_OK &&
               strcmp(added.reader, "Second 01 00") == 0 && strcmp(added.state, "present") == 0,
           "reader_add");
    expect(cardlatch_reader_remove(control, added.number) == CARDLATCH_OK, "reader_remove");
    expect(cardlatch_reader_remove(control, added.number) == CARDLATCH_E_REFUSED, "reader_remove again");
    expect(cardlatch_call(control, "fly", NULL, &result) == CARDLATCH_E_REFUSED && result == NULL,
           "no such method");
}

int main(void) {
    struct cardlatch_slot slot;
    if (cardlatch_connect(NULL, &control) != CARDLATCH_OK || cardlatch_status(control, &slot, 1) != 1) {
        fprintf(stderr, "%s\n", cardlatch_error(control));
        cardlatch_close(control);
        return 1;
    }
    test_control(&slot);
    test_vault(slot.reader);
    cardlatch_close(control);
    expect(cardlatch_connect("/nonexistent/control", &control) == CARDLATCH_E_CONNECT, "no socket");
    cardlatch_close(control);
    return failures == 0 ? 0 : 1;
}
