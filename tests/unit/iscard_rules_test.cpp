// COM's rules, for every object of the family: identity, symmetry and transitivity of QueryInterface,
// balanced counts, NULL where a pointer should be, outputs after a failure. Several threads at a time, for
// ThreadSanitizer.

#include "fake_winscard.hpp"
#include "iscard_method_list.hpp"
#include "iscard_support.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <iterator>
#include <string_view>
#include <thread>
#include <vector>

namespace data = boost::unit_test::data;

namespace {

constexpr int k_threads = 4;
constexpr int k_rounds = 50;

template <class T>
IUnknown* made(const CLSID& clsid, const IID& iid) {
    return create<T>(clsid, iid);
}

template <class Interface, HRESULT (STDMETHODCALLTYPE ISCardManage::*make)(Interface**)>
IUnknown* part_of_the_provider() {
    const Ref<ISCardManage> manage(create<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage));
    Interface* part = nullptr;
    BOOST_REQUIRE_EQUAL((manage.get()->*make)(&part), S_OK);
    return part;
}

IUnknown* stream() {
    const Ref<IByteBuffer> buffer(buffer_of("0102"));
    IStream* found = nullptr;
    BOOST_REQUIRE_EQUAL(buffer->get_Stream(&found), S_OK);
    return found;
}

IUnknown* clone() {
    const Ref<IByteBuffer> buffer(buffer_of("0102"));
    IByteBuffer* copy = nullptr;
    BOOST_REQUIRE_EQUAL(buffer->Clone(&copy), S_OK);
    return copy;
}

IUnknown* factory() {
    void* found = nullptr;
    BOOST_REQUIRE_EQUAL(DllGetClassObject(CLSID_CSCardCmd, IID_IClassFactory, &found), S_OK);
    return static_cast<IUnknown*>(found);
}

struct Object {
    const char* name;
    const IID* iid;
    const IID* base; ///< that it answers to besides IUnknown and its own
    IUnknown* (*make)();
};
std::ostream& operator<<(std::ostream& out, const Object& object) {
    return out << object.name;
}
const Object k_objects[] = {
    {"CByteBuffer", &IID_IByteBuffer, &IID_IDispatch,
     [] { return made<IByteBuffer>(CLSID_CByteBuffer, IID_IByteBuffer); }},
    {"its clone", &IID_IByteBuffer, &IID_IDispatch, &clone},
    {"its stream", &IID_IStream, &IID_ISequentialStream, &stream},
    {"CSCard", &IID_ISCard, &IID_IDispatch, [] { return made<ISCard>(CLSID_CSCard, IID_ISCard); }},
    {"CSCardCmd", &IID_ISCardCmd, &IID_IDispatch,
     [] { return made<ISCardCmd>(CLSID_CSCardCmd, IID_ISCardCmd); }},
    {"CSCardISO7816", &IID_ISCardISO7816, &IID_IDispatch,
     [] { return made<ISCardISO7816>(CLSID_CSCardISO7816, IID_ISCardISO7816); }},
    {"CSCardTypeConv", &IID_ISCardTypeConv, &IID_IDispatch,
     [] { return made<ISCardTypeConv>(CLSID_CSCardTypeConv, IID_ISCardTypeConv); }},
    {"CSCardDatabase", &IID_ISCardDatabase, &IID_IDispatch,
     [] { return made<ISCardDatabase>(CLSID_CSCardDatabase, IID_ISCardDatabase); }},
    {"CSCardLocate", &IID_ISCardLocate, &IID_IDispatch,
     [] { return made<ISCardLocate>(CLSID_CSCardLocate, IID_ISCardLocate); }},
    {"CSCardManage", &IID_ISCardManage, &IID_IDispatch,
     [] { return made<ISCardManage>(CLSID_CSCardManage, IID_ISCardManage); }},
    {"its authentication", &IID_ISCardAuth, &IID_IDispatch,
     &part_of_the_provider<ISCardAuth, &ISCardManage::CreateCardAuth>},
    {"its codes", &IID_ISCardVerify, &IID_IDispatch,
     &part_of_the_provider<ISCardVerify, &ISCardManage::CreateCHVerification>},
    {"its files", &IID_ISCardFileAccess, &IID_IDispatch,
     &part_of_the_provider<ISCardFileAccess, &ISCardManage::CreateFileAccess>},
    {"a class factory", &IID_IClassFactory, &IID_IUnknown, &factory},
};

struct Fixture {
    Fixture() { fake::World::get().reset(); }
    Com com;
};

/// Runs `body` in several threads and adds up what they say is broken.
int broken_in_threads(const std::function<int()>& body) {
    std::atomic<int> broken{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < k_threads; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < k_rounds; ++n) {
                broken += body();
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    return broken;
}

IUnknown* query(IUnknown* from, const IID& iid, int& broken) {
    void* found = nullptr;
    broken += SUCCEEDED(from->QueryInterface(iid, &found)) && found != nullptr ? 0 : 1;
    return static_cast<IUnknown*>(found);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(rules, Fixture)

BOOST_DATA_TEST_CASE(query_interface_keeps_its_rules, data::make(k_objects), tested) {
    auto* const object = tested.make();
    const std::array<const IID*, 3> iids = {&IID_IUnknown, tested.base, tested.iid};
    const int broken = broken_in_threads([&] {
        int faults = 0;
        for (const auto* a : iids) {
            for (const auto* b : iids) {
                for (const auto* c : iids) {
                    const Ref<IUnknown> self(query(object, IID_IUnknown, faults));
                    const Ref<IUnknown> first(query(object, *a, faults)); // reflexive
                    const Ref<IUnknown> second(query(first.get(), *b, faults));
                    const Ref<IUnknown> third(query(second.get(), *c, faults));   // transitive: a, b, c
                    const Ref<IUnknown> straight(query(first.get(), *c, faults)); // so a, c
                    const Ref<IUnknown> back(query(third.get(), *a, faults));     // symmetric: and back
                    const Ref<IUnknown> again(query(third.get(), IID_IUnknown, faults));
                    faults += again.get() == self.get() ? 0 : 1; // one identity, always the same
                    faults += back.get() == first.get() && straight.get() == third.get() ? 0 : 1;
                }
            }
        }
        // What it has not, it never has; what it has, it always has.
        const GUID nobody = {0x12345678, 0x1234, 0x1234, {1, 2, 3, 4, 5, 6, 7, 8}};
        void* none = &none;
        faults += object->QueryInterface(nobody, &none) == E_NOINTERFACE && none == nullptr ? 0 : 1;
        faults += object->QueryInterface(IID_IUnknown, nullptr) == E_POINTER ? 0 : 1;
        return faults;
    });
    BOOST_TEST(broken == 0);
    BOOST_TEST(object->AddRef() == 2U); // everything that was taken was given back
    BOOST_TEST(object->Release() == 1U);
    BOOST_TEST(object->Release() == 0U);
    BOOST_TEST(DllCanUnloadNow() == S_OK);
    BOOST_TEST(fake::World::get().contexts.empty());
}

namespace {

/// A fresh object with the method's interface: a buffer without bytes, a card that is not attached.
IUnknown* object_for(const Method& method) {
    for (const auto& object : k_objects) {
        if (*object.iid == *method.iid) {
            return object.make();
        }
    }
    return nullptr;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_method_is_here) {
    BOOST_TEST(std::size(k_methods) == 129U);
}

BOOST_AUTO_TEST_CASE(null_is_refused_where_the_reference_says_so) {
    for (const auto& method : k_methods) {
        const Ref<IUnknown> object(object_for(method));
        BOOST_REQUIRE_MESSAGE((object.get() != nullptr), method.name);
        const int broken = broken_in_threads([&] {
            const auto hr = method.with_nulls(object.get());
            const bool refused = !method.says_pointer || hr == E_POINTER || hr == E_INVALIDARG;
            return refused && method.returns(hr) ? 0 : 1;
        });
        BOOST_TEST(broken == 0, method.name);
    }
    BOOST_TEST(DllCanUnloadNow() == S_OK);
}

BOOST_AUTO_TEST_CASE(outputs_are_cleared_when_a_method_fails) {
    // Without these, what asks the machine would succeed.
    fake::World::get().service = false;
    set_environment("CARDLATCH_CARDS", "/nonexistent/cards.conf");
    for (const auto& method : k_methods) {
        fake::World::get().service = true; // an ISCard is made, and then fails for want of a card
        const Ref<IUnknown> object(object_for(method));
        fake::World::get().service = false;
        const bool fills_memory = std::string_view(method.name) == "IByteBuffer.Read"; // the caller's bytes
        const auto call = [&](std::size_t omitted) {
            return fills_memory ? 0 : method.with_outputs(object.get(), method, omitted);
        };
        const std::string_view directions(method.directions);
        BOOST_TEST(broken_in_threads([&] { return call(directions.size()); }) == 0, method.name);
        // Each output alone may be the one that is NULL.
        for (std::size_t i = 0; i < directions.size(); ++i) {
            if (directions[i] == 'o' || directions[i] == 'r') {
                BOOST_TEST(call(i) == 0, method.name << ", NULL for parameter " << i);
            }
        }
    }
    set_environment("CARDLATCH_CARDS", nullptr);
    BOOST_TEST(DllCanUnloadNow() == S_OK);
}

BOOST_AUTO_TEST_SUITE_END()
