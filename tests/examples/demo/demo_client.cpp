// A client of the demonstration: claims the card through ISCard, does some steps on it, gives it back, and
// says so. Each step is a command to the card's witness application, which counts every command that comes
// from anybody but the one inside.
//
//   demo_client MODE NAME ID READER ROUNDS STEPS
//   MODE: lock     LockSCard and UnlockSCard around the steps
//         nolock   the same steps without, to see what the lock is for
//         waiter   as lock, but say "connected" and begin at SIGUSR1
//         hold     lock, enter, say so and wait to be killed
//         report   print the witness's counters and clear them; exit 3 when commands interleaved

#include <cardlatch/iscard/scarderr.h>
#include <cardlatch/scardssp.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <unistd.h>
#include <vector>

namespace {

constexpr int k_attempts = 5; // at a sequence that others' resets break off

const unsigned char k_witness_aid[] = {0xF0, 'C', 'L', 'W', 'I', 'T', 'N', 'E', 'S', 'S'};

/// Seconds since boot, the clock of /proc/uptime, which the script reads.
double uptime() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// A number of seconds from the environment, 0 when it is not there.
double seconds(const char* variable) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::atof(text) : 0;
}

/// Seconds since the demonstration began.
double now() {
    return uptime() - seconds("DEMO_START");
}

std::string name;

/// One line of the timeline; clients indent by their number so that two of them read like two columns.
void say(const std::string& what) {
    const char* indent = name == "B" ? "                                        " : "";
    std::printf("  %7.3f s  %s%s: %s\n", now(), indent, name.c_str(), what.c_str());
    std::fflush(stdout);
}

[[noreturn]] void die(const char* call, HRESULT hr) {
    std::fprintf(stderr, "demo client %s: %s failed with 0x%08X\n", name.c_str(), call,
                 static_cast<unsigned>(hr));
    std::exit(1);
}

void check(const char* call, HRESULT hr) {
    if (FAILED(hr)) {
        die(call, hr);
    }
}

IByteBuffer* make_buffer(const std::vector<BYTE>& bytes) {
    IByteBuffer* buffer = NULL;
    check("CoCreateInstance",
          CoCreateInstance(CLSID_CByteBuffer, NULL, CLSCTX_ALL, IID_IByteBuffer, (LPVOID*)&buffer));
    check("Initialize", buffer->Initialize((LONG)bytes.size(), const_cast<BYTE*>(bytes.data())));
    return buffer;
}

/// Sends one command and puts the answer's data (without SW) into `reply`. False when the card was reset
/// before: then nothing was sent, and what came earlier in the sequence is lost.
bool send(ISCard* card, unsigned& status_word, BYTE cla, BYTE ins, BYTE p1, BYTE p2,
          const std::vector<BYTE>& data, std::vector<BYTE>* reply = nullptr) {
    ISCardCmd* command = NULL;
    check("CoCreateInstance",
          CoCreateInstance(CLSID_CSCardCmd, NULL, CLSCTX_ALL, IID_ISCardCmd, (LPVOID*)&command));
    IByteBuffer* body = data.empty() ? NULL : make_buffer(data);
    LONG le = 0; // as much as there is
    check("BuildCmd", command->BuildCmd(cla, ins, p1, p2, body, reply != nullptr ? &le : NULL));
    const HRESULT hr = card->Transaction(&command);
    if (body != NULL) {
        body->Release();
    }
    if (hr == SCARD_W_RESET_CARD) {
        command->Release();
        return false;
    }
    check("Transaction", hr);
    WORD sw = 0;
    check("get_ReplyStatus", command->get_ReplyStatus(&sw));
    if (reply != nullptr) {
        IByteBuffer* answer = NULL;
        LONG length = 0;
        check("get_ApduReplyLength", command->get_ApduReplyLength(&length));
        check("get_ApduReply", command->get_ApduReply(&answer));
        reply->resize((std::size_t)length);
        LONG read = 0;
        check("Read", answer->Read(reply->data(), length, &read));
        answer->Release();
    }
    command->Release();
    status_word = sw;
    return true;
}

std::vector<BYTE> u32(std::uint32_t value) {
    return {(BYTE)(value >> 24), (BYTE)(value >> 16), (BYTE)(value >> 8), (BYTE)value};
}

std::vector<BYTE> pair(std::uint32_t a, std::uint32_t b) {
    auto bytes = u32(a);
    const auto more = u32(b);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
}

/// False as for send(); a card without the witness is the end.
bool select_witness(ISCard* card) {
    unsigned sw = 0;
    if (!send(card, sw, 0x00, 0xA4, 0x04, 0x0C, {k_witness_aid, k_witness_aid + sizeof k_witness_aid})) {
        return false;
    }
    if (sw != 0x9000) {
        std::fprintf(stderr, "demo client %s: the card has no witness application (SW %04X)\n", name.c_str(),
                     sw);
        std::exit(1);
    }
    return true;
}

void lock(ISCard* card, bool tell) {
    const double asked = now();
    if (tell) {
        say("LockSCard ...");
    }
    HRESULT hr = card->LockSCard();
    for (int i = 0; hr == SCARD_W_RESET_CARD && i < k_attempts; ++i) {
        say("told that the card was reset meanwhile; attaches anew");
        check("ReAttach", card->ReAttach(SHARED, LEAVE));
        hr = card->LockSCard();
    }
    check("LockSCard", hr);
    if (tell) {
        char text[80];
        std::snprintf(text, sizeof text, "HOLDS the card (waited %.0f ms)", (now() - asked) * 1000);
        say(text);
    }
}

/// Runs `sequence` between LockSCard and UnlockSCard. A card that is reset in the middle has forgotten the
/// sequence, and only its author knows what to do: here, to attach anew and begin from the first command.
template <class Sequence>
void in_lock(ISCard* card, bool tell, Sequence&& sequence) {
    for (int i = 0; i < k_attempts; ++i) {
        lock(card, tell);
        const bool complete = sequence();
        const HRESULT unlocked = card->UnlockSCard(LEAVE); // tells of a reset as well
        if (unlocked != SCARD_W_RESET_CARD) {
            check("UnlockSCard", unlocked);
        }
        if (complete && unlocked == S_OK) {
            if (tell) {
                say("UnlockSCard");
            }
            return;
        }
        say("told in the middle that the card was reset; attaches anew and begins again");
        check("ReAttach", card->ReAttach(SHARED, LEAVE));
    }
    die("the sequence", SCARD_W_RESET_CARD);
}

/// Enter, some steps, leave. Without `heed` whatever the card says; with it false at once when the card was
/// reset in the middle, be it that the card does not know of the entry any more.
bool visit(ISCard* card, bool heed, std::uint32_t id, std::uint32_t round, std::uint32_t steps) {
    const auto tell_card = [&](BYTE ins, const std::vector<BYTE>& data) {
        unsigned sw = 0;
        return (send(card, sw, 0x80, ins, 0x00, 0x00, data) && sw == 0x9000) || !heed;
    };
    bool known = tell_card(0x10, pair(id, round));
    for (std::uint32_t step = 0; known && step < steps; ++step) {
        usleep(4000); // the client's own work between two commands, where others could come in
        known = tell_card(0x12, pair(id, step));
    }
    return known && tell_card(0x14, u32(id));
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 7) {
        std::fprintf(stderr, "usage: demo_client lock|nolock|hold|report NAME ID READER ROUNDS STEPS\n");
        return 2;
    }
    const std::string mode = argv[1];
    name = argv[2];
    const auto id = (std::uint32_t)std::atoi(argv[3]);
    const auto rounds = (std::uint32_t)std::atoi(argv[5]);
    const auto steps = (std::uint32_t)std::atoi(argv[6]);
    const bool locking = mode == "lock" || mode == "waiter";
    sigset_t start_signal;
    sigemptyset(&start_signal);
    sigaddset(&start_signal, SIGUSR1);
    sigprocmask(SIG_BLOCK, &start_signal, NULL); // it may come before we wait for it

    CoInitialize(NULL);
    ISCard* card = NULL;
    check("CoCreateInstance", CoCreateInstance(CLSID_CSCard, NULL, CLSCTX_ALL, IID_ISCard, (LPVOID*)&card));
    const std::string reader_name = argv[4];
    BSTR reader = SysAllocString(std::wstring(reader_name.begin(), reader_name.end()).c_str());
    check("AttachByReader", card->AttachByReader(reader, SHARED, (SCARD_PROTOCOLS)(T0 | T1)));
    SysFreeString(reader);
    if (mode == "waiter") {
        std::printf("connected\n");
        std::fflush(stdout);
        int signal = 0;
        sigwait(&start_signal, &signal);
    } else if (const double wait = seconds("DEMO_GO") - uptime(); wait > 0) {
        // Both clients begin together, once both are connected: a connect waits for as long as somebody holds
        // the card.
        usleep((useconds_t)(wait * 1e6));
    }

    int exit_code = 0;
    unsigned sw = 0;
    if (mode == "report") {
        std::vector<BYTE> reply;
        in_lock(card, false,
                [&] { return select_witness(card) && send(card, sw, 0x80, 0x16, 0x00, 0x00, {}, &reply); });
        in_lock(card, false,
                [&] { return select_witness(card) && send(card, sw, 0x80, 0x1A, 0x00, 0x00, {}); });
        const auto field = [&reply](std::size_t at) {
            return (unsigned)reply.at(at) << 24 | (unsigned)reply.at(at + 1) << 16 |
                   (unsigned)reply.at(at + 2) << 8 | reply.at(at + 3);
        };
        // Offsets in REPORT's answer: docs/witness.md.
        const unsigned interleavings = field(18);
        std::printf("  the card's own record: %u entries, %u commands, %u of them by somebody who was not "
                    "the holder\n",
                    field(6), field(14), interleavings);
        exit_code = interleavings == 0 ? 0 : 3;
    } else if (mode == "hold") {
        lock(card, true);
        if (!select_witness(card) || !send(card, sw, 0x80, 0x10, 0x00, 0x00, pair(id, 1))) {
            die("Transaction", SCARD_W_RESET_CARD); // nobody resets in this part of the demonstration
        }
        say("in the middle of a sequence ...");
        pause();
    } else {
        if (!locking) {
            select_witness(card);
        }
        for (std::uint32_t round = 0; round < rounds; ++round) {
            if (locking) {
                in_lock(card, true,
                        [&] { return select_witness(card) && visit(card, true, id, round, steps); });
            } else {
                visit(card, false, id, round, steps);
            }
            usleep(20000);
        }
    }
    check("Detach", card->Detach(LEAVE));
    card->Release();
    CoUninitialize();
    return exit_code;
}
