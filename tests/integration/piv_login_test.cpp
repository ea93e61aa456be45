// Unmodified programs that authenticate with a PIV card: openssl (TLS), ssh and its agent; GnuPG's scdaemon.

#include "piv_script.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace cardlatch::test;

BOOST_AUTO_TEST_SUITE(piv_login)

BOOST_AUTO_TEST_CASE(openssl_signs_a_request_and_authenticates_a_tls_client_with_the_card) {
    const auto outcome = script("cardlatch", "piv", R"(
export PKCS11_MODULE_PATH=$(ls /usr/lib/*/opensc-pkcs11.so)
key='pkcs11:id=%01;type=private;pin-value=123456'
openssl req -new -engine pkcs11 -keyform engine -key "$key" -subj '/CN=asked for' -out request.pem 2>/dev/null
openssl req -in request.pem -verify -noout -subject -nameopt RFC2253 2>&1
openssl req -in request.pem -noout -pubkey | cmp - 9a.pem
openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.crt -subj /CN=localhost -days 2 2>/dev/null
openssl s_server -accept 127.0.0.1:0 -cert server.crt -key server.key -CAfile "$keys/ca.crt.pem" -Verify 1 \
    -verify_return_error -naccept 1 -www >server.log 2>&1 &
server=$!
for try in $(seq 300); do grep -q '^ACCEPT .*:' server.log && break; sleep 0.1; done
address=$(sed -n 's/^ACCEPT //p' server.log)
printf 'GET / HTTP/1.0\r\n\r\n' | timeout 60 openssl s_client -connect "$address" -CAfile server.crt -verify_return_error \
    -engine pkcs11 -keyform engine -key "$key" -cert "$keys/rsa-9a.crt.pem" -ign_eof >client.log 2>&1 ||
    { kill $server; cat client.log server.log; exit 1; }
wait $server
grep 'Verification: OK' client.log
grep 'HTTP/1.0 200 ok' client.log
grep 'depth=0.*Cardlatch TEST PIV Authentication' server.log
)");
    for (const auto* text :
         {"CN=asked for", "Verification: OK", "HTTP/1.0 200 ok", "Cardlatch TEST PIV Authentication"}) {
        expect(outcome, text);
    }
}

BOOST_AUTO_TEST_CASE(ssh_logs_in_with_the_card_by_itself_and_through_an_agent) {
    const auto outcome = script("cardlatch", "piv", R"sh(
# As root, sshd wants a folder that the system makes at its start.
[ "$(id -u)" != 0 ] || [ -d /run/sshd ] || { mkdir /run/sshd; made=1; }
end() {
    [ -z "${SSH_AGENT_PID:-}" ] || kill "$SSH_AGENT_PID" || true
    [ ! -s sshd.pid ] || kill "$(cat sshd.pid)" || true
    [ -z "${made:-}" ] || rmdir /run/sshd || true
    rm -rf "$work"
}
trap end EXIT
module=$(ls /usr/lib/*/opensc-pkcs11.so)
export SSH_ASKPASS="$work/askpass" SSH_ASKPASS_REQUIRE=force
printf '#!/bin/sh\necho 123456\n' >askpass; chmod 700 askpass
ssh-keygen -q -t ed25519 -N '' -f host
ssh-keygen -D "$module" 2>/dev/null | head -1 >authorized
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >sshd_config <<END
Port $port
ListenAddress 127.0.0.1
HostKey $work/host
AuthorizedKeysFile $work/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PidFile $work/sshd.pid
END
/usr/sbin/sshd -f "$work/sshd_config" -E "$work/sshd.log"
for try in $(seq 300); do [ -s sshd.pid ] && break; sleep 0.1; done
printf '[127.0.0.1]:%s %s\n' $port "$(cut -d' ' -f1,2 host.pub)" >known
login() {
    timeout 60 ssh -F none -p $port -o UserKnownHostsFile=known -o StrictHostKeyChecking=yes \
        -o PreferredAuthentications=publickey "$@" </dev/null 2>ssh.log || { cat ssh.log sshd.log; exit 1; }
}
me=$(id -un)@127.0.0.1
login -I "$module" -o IdentityAgent=none $me echo by itself
eval "$(ssh-agent)" >/dev/null
ssh-add -s "$module" </dev/null 2>&1
login $me echo through the agent
)sh");
    expect(outcome, "by itself\n");
    expect(outcome, "Card added: ");
    expect(outcome, "through the agent\n");
}

// GnuPG 2.2 (Debian 12) has no PIV application, 2.4 has one: scdaemon is asked what it has.
BOOST_AUTO_TEST_CASE(scdaemon_sees_the_reader_and_the_card_if_it_knows_piv) {
    const auto outcome = script("cardlatch", "piv", R"(
export GNUPGHOME="$work"; printf 'disable-ccid\npcsc-shared\n' >scdaemon.conf
printf '%s\n' 'GETINFO app_list' 'SERIALNO piv' 'GETINFO reader_list' BYE |
    /usr/lib/gnupg/scdaemon --server --homedir "$work" 2>&1 | tee said
if grep -q '^D .*piv:' said; then grep -q '^S SERIALNO 6C0E5C1B7E5D4C0BA5A1C4D1A7C40001' said
else grep -q "can't select application 'piv': Not supported" said; grep -q '^ERR .*No such device' said; fi
pkcs11-tool --login --pin 123456 -O >objects; grep 'Private Key Object' objects # nothing is held or blocked
)");
    for (const auto* text : {"detected reader 'Cardlatch Virtual Reader 00 00'", "OK closing connection",
                             "Private Key Object"}) {
        expect(outcome, text);
    }
}

BOOST_AUTO_TEST_SUITE_END()
