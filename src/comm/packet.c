/* The header of a packet: see packet.h. */
#include "config.h"
#include "comm/packet.h"

#include <endian.h>
#include <string.h>

/* What lies in memory on the wire, without padding. */
struct header {
    uint8_t version, kind;
    uint16_t zero;
    uint32_t epoch;
    uint64_t seq, ack;
};

_Static_assert(sizeof(struct header) == PACKET_HEADER_BYTES, "no padding");

size_t packet_put(unsigned char out[PACKET_MAX_BYTES], const struct packet *p)
{
    struct header h = {
        .version = PACKET_VERSION,
        .kind = (uint8_t)p->kind,
        .epoch = htole32(p->epoch),
        .seq = htole64(p->seq),
        .ack = htole64(p->ack),
    };
    memcpy(out, &h, sizeof(h));
    if (p->payload_len > 0)
        memcpy(out + sizeof(h), p->payload, p->payload_len);
    return sizeof(h) + p->payload_len;
}

const char *packet_get(struct packet *p, const void *data, size_t len)
{
    struct header h;
    if (len < sizeof(h) || len > PACKET_MAX_BYTES)
        return "a packet of impossible length";
    memcpy(&h, data, sizeof(h));
    if (h.version != PACKET_VERSION)
        return "another version of the protocol";
    *p = (struct packet){
        .kind = h.kind,
        .epoch = le32toh(h.epoch),
        .seq = le64toh(h.seq),
        .ack = le64toh(h.ack),
        .payload = (const unsigned char *)data + sizeof(h),
        .payload_len = len - sizeof(h),
    };
    if (h.kind != PACKET_DATA && h.kind != PACKET_ACK)
        return "a packet of unknown kind";
    if (h.zero != 0 || (h.kind == PACKET_DATA) != (p->seq > 0) ||
        (h.kind == PACKET_DATA) != (p->payload_len > 0))
        return "a malformed packet";
    return NULL;
}
