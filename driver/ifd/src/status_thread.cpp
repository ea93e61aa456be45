#include "status_thread.hpp"

namespace cardlatch::ifd {

Seen StatusThread::answer(Seen current, TimePoint now) {
    const Seen answer = may_hear(current, now) ? current : told();
    mixed_ = mixed_ || (last_answer_ && *last_answer_ != answer);
    last_answer_ = answer;
    if (unknown()) {
        settle(); // perhaps nobody ever waits
    }
    return answer;
}

void StatusThread::begins_to_wait() {
    id_ = std::this_thread::get_id();
    settle();
}

void StatusThread::settle() {
    in_doubt_ = mixed_;
    if (in_doubt_) {
        visitors_.mark();
    } else {
        noted_ = told();
    }
    last_answer_.reset();
    mixed_ = false;
}

bool StatusThread::may_hear(Seen current, TimePoint now) {
    if (current != looming_ && !knows(current)) {
        visitors_.mark();
    }
    looming_ = current;
    return knows(current) || current == Seen::unplugged || visitors_.settled(now);
}

void StatusThread::visitor_enters(Visitors::Call call, TimePoint now) {
    if (!calls()) {
        visitors_.enter(call, now);
    }
}

} // namespace cardlatch::ifd
