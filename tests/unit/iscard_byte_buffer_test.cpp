#include "iscard_support.hpp"

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

namespace data = boost::unit_test::data;

namespace {

struct Fixture {
    Com com;
    BYTE byte = 0;
    LONG count = 0;
};

LONG position_of(IByteBuffer* buffer) {
    LONG position = -1;
    BOOST_REQUIRE_EQUAL(buffer->Seek(0, STREAM_SEEK_CUR, &position), S_OK);
    return position;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(byte_buffer, Fixture)

BOOST_AUTO_TEST_CASE(before_initialize_everything_is_unexpected) {
    const Ref<IByteBuffer> buffer(new_buffer());
    IByteBuffer* clone = buffer.get();
    IStream* stream = nullptr;
    STATSTRUCT stat{};
    BOOST_TEST(buffer->Read(&byte, 1, &count) == E_UNEXPECTED);
    BOOST_TEST(buffer->Write(&byte, 1, &count) == E_UNEXPECTED);
    BOOST_TEST(buffer->Seek(0, STREAM_SEEK_SET) == E_UNEXPECTED);
    BOOST_TEST(buffer->SetSize(1) == E_UNEXPECTED);
    BOOST_TEST(buffer->Stat(&stat, 0) == E_UNEXPECTED);
    BOOST_TEST(buffer->Commit(0) == E_UNEXPECTED);
    BOOST_TEST(buffer->Revert() == E_UNEXPECTED);
    BOOST_TEST(buffer->LockRegion(0, 1, LOCK_WRITE) == E_UNEXPECTED);
    BOOST_TEST(buffer->UnlockRegion(0, 1, LOCK_WRITE) == E_UNEXPECTED);
    BOOST_TEST(buffer->get_Stream(&stream) == E_UNEXPECTED);
    BOOST_TEST(buffer->Clone(&clone) == E_UNEXPECTED);
    BOOST_TEST(clone == nullptr);
}

BOOST_AUTO_TEST_CASE(null_pointers_are_refused) {
    const Ref<IByteBuffer> buffer(buffer_of("01"));
    BOOST_TEST(buffer->get_Stream(nullptr) == E_POINTER);
    BOOST_TEST(buffer->put_Stream(nullptr) == E_POINTER);
    BOOST_TEST(buffer->Clone(nullptr) == E_POINTER);
    BOOST_TEST(buffer->CopyTo(nullptr, 1) == E_POINTER);
    BOOST_TEST(buffer->Read(nullptr, 1) == E_POINTER);
    BOOST_TEST(buffer->Write(nullptr, 0, nullptr) == E_POINTER);
    BOOST_TEST(buffer->Stat(nullptr, 0) == E_POINTER);
    IByteBuffer* none = nullptr;
    BOOST_TEST(buffer->CopyTo(&none, 1) == E_INVALIDARG);
}

BOOST_AUTO_TEST_CASE(negative_sizes_are_refused) {
    const Ref<IByteBuffer> buffer(buffer_of("01"));
    IByteBuffer* target = buffer.get();
    BOOST_TEST(buffer->Initialize(-1) == E_INVALIDARG);
    BOOST_TEST(buffer->Read(&byte, -1) == E_INVALIDARG);
    BOOST_TEST(buffer->Write(&byte, -1, nullptr) == E_INVALIDARG);
    BOOST_TEST(buffer->SetSize(-1) == E_INVALIDARG);
    BOOST_TEST(buffer->CopyTo(&target, -1) == E_INVALIDARG);
    BOOST_TEST(buffer->LockRegion(-1, 1, LOCK_WRITE) == E_INVALIDARG);
    BOOST_TEST(buffer->UnlockRegion(0, -1, LOCK_WRITE) == E_INVALIDARG);
    BOOST_TEST(size_of(buffer.get()) == 1);
}

BOOST_AUTO_TEST_CASE(initialize_defaults_to_one_zero_byte_and_starts_anew) {
    const Ref<IByteBuffer> buffer(new_buffer());
    BOOST_TEST(buffer->Initialize() == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "00");
    BYTE data[] = {1, 2, 3};
    BOOST_TEST(buffer->Initialize(3, &data[0]) == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "010203");
    BOOST_TEST(buffer->Initialize(0) == S_OK);
    BOOST_TEST(size_of(buffer.get()) == 0);
}

BOOST_AUTO_TEST_CASE(reads_advance_and_end_short) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    BYTE bytes[4] = {};
    BOOST_TEST(buffer->Read(&bytes[0], 2, &count) == S_OK);
    BOOST_TEST(count == 2);
    BOOST_TEST(buffer->Read(&bytes[0], 4, &count) == S_OK);
    BOOST_TEST(count == 1);
    BOOST_TEST(bytes[0] == 3);
    BOOST_TEST(buffer->Read(&bytes[0], 4, &count) == S_OK);
    BOOST_TEST(count == 0);
    BOOST_TEST(buffer->Read(&bytes[0], 4) == S_OK); // the count may be left out
}

BOOST_AUTO_TEST_CASE(writes_overwrite_and_extend) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    BYTE bytes[] = {0xAA, 0xBB};
    BOOST_TEST(buffer->Seek(2, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(buffer->Write(&bytes[0], 2, &count) == S_OK);
    BOOST_TEST(count == 2);
    BOOST_TEST(position_of(buffer.get()) == 4);
    BOOST_TEST(buffer->Seek(0, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "0102AABB");
}

BOOST_AUTO_TEST_CASE(writing_past_the_end_fills_and_writing_nothing_does_not) {
    const Ref<IByteBuffer> buffer(buffer_of("01"));
    LONG position = 0;
    BOOST_TEST(buffer->Seek(3, STREAM_SEEK_END, &position) == S_OK);
    BOOST_TEST(position == 4);
    BOOST_TEST(buffer->Write(&byte, 0, &count) == S_OK);
    BOOST_TEST(size_of(buffer.get()) == 1);
    byte = 0xEE;
    BOOST_TEST(buffer->Write(&byte, 1, &count) == S_OK);
    BOOST_TEST(buffer->Seek(0, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "01000000EE");
}

BOOST_AUTO_TEST_CASE(seeks_before_the_start_or_from_nowhere_fail_and_stay) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    BOOST_TEST(buffer->Seek(1, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(buffer->Seek(-2, STREAM_SEEK_CUR) == STG_E_INVALIDFUNCTION);
    BOOST_TEST(buffer->Seek(-4, STREAM_SEEK_END) == STG_E_INVALIDFUNCTION);
    BOOST_TEST(buffer->Seek(0, 3) == STG_E_INVALIDFUNCTION);
    BOOST_TEST(position_of(buffer.get()) == 1);
    BOOST_TEST(buffer->Seek(-1, STREAM_SEEK_END) == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "03");
    LONG position = 0;
    BOOST_TEST(buffer->Seek(-1, STREAM_SEEK_SET, &position) == S_OK); // unsigned from the start
    BOOST_TEST(position ==
               (sizeof(LONG) > 4 ? static_cast<LONG>(0xFFFFFFFFU) : 0x7FFFFFFF)); // as far as LONG goes
    BOOST_TEST(buffer->Write(&byte, 1, &count) == STG_E_MEDIUMFULL);
}

BOOST_AUTO_TEST_CASE(set_size_truncates_and_extends_without_moving) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    BOOST_TEST(buffer->Seek(2, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(buffer->SetSize(1) == S_OK);
    BOOST_TEST(position_of(buffer.get()) == 2);
    BOOST_TEST(rest_of(buffer.get()).empty());
    BOOST_TEST(buffer->SetSize(4) == S_OK);
    BOOST_TEST(rest_of(buffer.get()) == "0000");
    BOOST_TEST(size_of(buffer.get()) == 4);
}

BOOST_AUTO_TEST_CASE(clone_shares_bytes_with_its_own_seek_pointer) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    BOOST_TEST(buffer->Seek(1, STREAM_SEEK_SET) == S_OK);
    Ref<IByteBuffer> clone;
    BOOST_TEST(buffer->Clone(clone.out()) == S_OK);
    BOOST_TEST(position_of(clone.get()) == 1);
    byte = 0xCC;
    BOOST_TEST(clone->Write(&byte, 1, nullptr) == S_OK);
    BOOST_TEST(position_of(clone.get()) == 2);
    BOOST_TEST(position_of(buffer.get()) == 1);
    BOOST_TEST(rest_of(buffer.get()) == "CC03");
    BOOST_TEST(buffer->SetSize(0) == S_OK);
    BOOST_TEST(size_of(clone.get()) == 0);
}

BOOST_AUTO_TEST_CASE(copy_moves_both_pointers_even_into_itself) {
    const Ref<IByteBuffer> source(buffer_of("01020304"));
    Ref<IByteBuffer> target(buffer_of("AABBCC"));
    BOOST_TEST(source->Seek(1, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(target->Seek(2, STREAM_SEEK_SET) == S_OK);
    auto* pointer = target.get();
    LONG written = 0;
    BOOST_TEST(source->CopyTo(&pointer, 2, &count, &written) == S_OK);
    BOOST_TEST(count == 2);
    BOOST_TEST(written == 2);
    BOOST_TEST(position_of(source.get()) == 3);
    BOOST_TEST(position_of(target.get()) == 4);
    BOOST_TEST(source->CopyTo(&pointer, 100, &count, &written) == S_OK); // short at the end
    BOOST_TEST(count == 1);
    BOOST_TEST(target->Seek(0, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(rest_of(target.get()) == "AABB020304");
    BOOST_TEST(source->Seek(0, STREAM_SEEK_SET) == S_OK);
    pointer = source.get();
    BOOST_TEST(source->CopyTo(&pointer, 2) == S_OK);
    BOOST_TEST(source->Seek(0, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(rest_of(source.get()) == "01020102");
}

BOOST_AUTO_TEST_CASE(stat_describes_a_stream_without_name) {
    const Ref<IByteBuffer> buffer(buffer_of("0102"));
    STATSTRUCT stat{};
    BOOST_TEST(buffer->Stat(&stat, STATFLAG_DEFAULT) == S_OK);
    BOOST_TEST(stat.type == STGTY_STREAM);
    BOOST_TEST(stat.cbSize == 2);
    BOOST_TEST(stat.grfMode == STGM_READWRITE);
    BOOST_TEST(buffer->Commit(STGC_DEFAULT) == S_OK);
    BOOST_TEST(buffer->Revert() == S_OK);
}

BOOST_AUTO_TEST_CASE(region_locks_bind_the_others_and_end_exactly) {
    const Ref<IByteBuffer> buffer(buffer_of("01020304"));
    Ref<IByteBuffer> other;
    BOOST_TEST(buffer->Clone(other.out()) == S_OK);
    BOOST_TEST(buffer->LockRegion(1, 2, LOCK_WRITE) == S_OK);
    BOOST_TEST(other->Seek(1, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(other->Write(&byte, 1, &count) == STG_E_LOCKVIOLATION);
    BOOST_TEST(rest_of(other.get()) == "020304"); // reading is allowed
    BOOST_TEST(other->SetSize(0) == STG_E_LOCKVIOLATION);
    BOOST_TEST(other->LockRegion(2, 5, LOCK_WRITE) == STG_E_LOCKVIOLATION);
    BOOST_TEST(other->LockRegion(3, 5, LOCK_WRITE) == S_OK);
    BOOST_TEST(buffer->Seek(1, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(buffer->Write(&byte, 1, &count) == S_OK); // the owner may
    BOOST_TEST(buffer->UnlockRegion(1, 1, LOCK_WRITE) == STG_E_LOCKVIOLATION);
    BOOST_TEST(buffer->UnlockRegion(1, 2, LOCK_WRITE) == S_OK);
    BOOST_TEST(buffer->LockRegion(0, 2, LOCK_EXCLUSIVE) == S_OK);
    BOOST_TEST(other->Seek(0, STREAM_SEEK_SET) == S_OK);
    BOOST_TEST(other->Read(&byte, 1, &count) == STG_E_LOCKVIOLATION);
    BOOST_TEST(buffer->LockRegion(0, 1, LOCK_ONLYONCE) == STG_E_LOCKVIOLATION);
    BOOST_TEST(buffer->LockRegion(0, 1, 3) == STG_E_INVALIDFUNCTION);
}

BOOST_AUTO_TEST_CASE(region_locks_go_with_their_stream) {
    const Ref<IByteBuffer> buffer(buffer_of("0102"));
    {
        Ref<IByteBuffer> other;
        BOOST_TEST(buffer->Clone(other.out()) == S_OK);
        BOOST_TEST(other->LockRegion(0, 2, LOCK_EXCLUSIVE) == S_OK);
        BOOST_TEST(buffer->Read(&byte, 1) == STG_E_LOCKVIOLATION);
    }
    BOOST_TEST(buffer->Read(&byte, 1) == S_OK);
}

BOOST_AUTO_TEST_CASE(streams_are_handed_out_and_taken) {
    const Ref<IByteBuffer> buffer(buffer_of("010203"));
    Ref<IStream> stream;
    BOOST_TEST(buffer->get_Stream(stream.out()) == S_OK);
    ULONG read = 0;
    BOOST_TEST(stream->Read(&byte, 1, &read) == S_OK);
    BOOST_TEST(position_of(buffer.get()) == 1); // the same stream, not a clone
    const Ref<IByteBuffer> second(new_buffer());
    BOOST_TEST(second->put_Stream(stream.get()) == S_OK);
    BOOST_TEST(rest_of(second.get()) == "0203");
    void* sequential = nullptr;
    BOOST_TEST(stream->QueryInterface(IID_ISequentialStream, &sequential) == S_OK);
    static_cast<IUnknown*>(sequential)->Release();
    BOOST_TEST(stream->QueryInterface(IID_IDispatch, &sequential) == E_NOINTERFACE);
    BOOST_TEST(stream->Read(nullptr, 1, nullptr) == STG_E_INVALIDPOINTER);
    BOOST_TEST(stream->Stat(nullptr, 0) == STG_E_INVALIDPOINTER);
    BOOST_TEST(stream->Clone(nullptr) == STG_E_INVALIDPOINTER);
}

BOOST_AUTO_TEST_SUITE_END()
