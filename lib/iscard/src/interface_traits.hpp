#pragma once

#include <cardlatch/scardssp.h>

namespace cardlatch::iscard {

/// The IID of an interface.
template <class Interface>
const IID& iid_of();

template <>
inline const IID& iid_of<IUnknown>() {
    return IID_IUnknown;
}
template <>
inline const IID& iid_of<IStream>() {
    return IID_IStream;
}
template <>
inline const IID& iid_of<IByteBuffer>() {
    return IID_IByteBuffer;
}
template <>
inline const IID& iid_of<ISCardCmd>() {
    return IID_ISCardCmd;
}
template <>
inline const IID& iid_of<ISCardAuth>() {
    return IID_ISCardAuth;
}
template <>
inline const IID& iid_of<ISCardFileAccess>() {
    return IID_ISCardFileAccess;
}
template <>
inline const IID& iid_of<ISCardVerify>() {
    return IID_ISCardVerify;
}

} // namespace cardlatch::iscard
