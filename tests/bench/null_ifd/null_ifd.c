/*
 * The null driver: an IFD handler whose card is always present, has a fixed ATR and answers every command
 * APDU with 9000 at once. A round trip through it is what pcscd and its client cost, without any reader.
 *
 * It does not model insertion, several slots, protocols or wrong use of the API. DEVICENAME is ignored.
 */
#include <ifdhandler.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static const UCHAR k_atr[] = {0x3B, 0x80, 0x80, 0x01, 0x01}; /* T=0 and T=1, no historical bytes */

EXPORT RESPONSECODE IFDHCreateChannelByName(DWORD Lun, LPSTR DeviceName) {
    (void)Lun, (void)DeviceName;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCreateChannel(DWORD Lun, DWORD Channel) {
    (void)Lun, (void)Channel;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHCloseChannel(DWORD Lun) {
    (void)Lun;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHGetCapabilities(DWORD Lun, DWORD Tag, PDWORD Length, PUCHAR Value) {
    (void)Lun;
    if (Tag == TAG_IFD_ATR && *Length >= sizeof k_atr) {
        memcpy(Value, k_atr, sizeof k_atr);
        *Length = sizeof k_atr;
        return IFD_SUCCESS;
    }
    if (Tag == TAG_IFD_THREAD_SAFE && *Length >= 1) {
        *Value = 1;
        *Length = 1;
        return IFD_SUCCESS;
    }
    return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetCapabilities(DWORD Lun, DWORD Tag, DWORD Length, PUCHAR Value) {
    (void)Lun, (void)Tag, (void)Length, (void)Value;
    return IFD_ERROR_TAG;
}

EXPORT RESPONSECODE IFDHSetProtocolParameters(DWORD Lun, DWORD Protocol, UCHAR Flags, UCHAR PTS1, UCHAR PTS2,
                                              UCHAR PTS3) {
    (void)Lun, (void)Protocol, (void)Flags, (void)PTS1, (void)PTS2, (void)PTS3;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHPowerICC(DWORD Lun, DWORD Action, PUCHAR Atr, PDWORD AtrLength) {
    (void)Lun;
    *AtrLength = 0;
    if (Action != IFD_POWER_DOWN) {
        memcpy(Atr, k_atr, sizeof k_atr);
        *AtrLength = sizeof k_atr;
    }
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHTransmitToICC(DWORD Lun, SCARD_IO_HEADER SendPci, PUCHAR TxBuffer, DWORD TxLength,
                                      PUCHAR RxBuffer, PDWORD RxLength, PSCARD_IO_HEADER RecvPci) {
    (void)Lun, (void)SendPci, (void)TxBuffer, (void)TxLength, (void)RecvPci;
    if (*RxLength < 2) {
        *RxLength = 0;
        return IFD_ERROR_INSUFFICIENT_BUFFER;
    }
    RxBuffer[0] = 0x90;
    RxBuffer[1] = 0x00;
    *RxLength = 2;
    return IFD_SUCCESS;
}

EXPORT RESPONSECODE IFDHControl(DWORD Lun, DWORD dwControlCode, PUCHAR TxBuffer, DWORD TxLength,
                                PUCHAR RxBuffer, DWORD RxLength, LPDWORD pdwBytesReturned) {
    (void)Lun, (void)dwControlCode, (void)TxBuffer, (void)TxLength, (void)RxBuffer, (void)RxLength;
    *pdwBytesReturned = 0;
    return IFD_ERROR_NOT_SUPPORTED;
}

EXPORT RESPONSECODE IFDHICCPresence(DWORD Lun) {
    (void)Lun;
    return IFD_ICC_PRESENT;
}
