//! Protocol counters: the fields of /proc/net/{netstat,snmp,snmp6} that node_exporter takes by default. Untyped, as
//! the kernel mixes counters and gauges here.

use super::super::error::HostError;
use super::super::state::{State, number};
use super::text;
use crate::model::metric::Kind;
use crate::model::part::PartBuilder;

text::field_metrics! {
    /// Connections dropped at a listening socket for any reason.
    TCPEXT_LISTENDROPS = untyped "host_netstat_TcpExt_ListenDrops" from "TcpExt_ListenDrops", Count, "/proc/net/netstat";
    /// Connections dropped because a listening socket's queue was full.
    TCPEXT_LISTENOVERFLOWS = untyped "host_netstat_TcpExt_ListenOverflows" from "TcpExt_ListenOverflows", Count, "/proc/net/netstat";
    /// Invalid SYN cookies received.
    TCPEXT_SYNCOOKIESFAILED = untyped "host_netstat_TcpExt_SyncookiesFailed" from "TcpExt_SyncookiesFailed", Count, "/proc/net/netstat";
    /// SYN cookies received.
    TCPEXT_SYNCOOKIESRECV = untyped "host_netstat_TcpExt_SyncookiesRecv" from "TcpExt_SyncookiesRecv", Count, "/proc/net/netstat";
    /// SYN cookies sent.
    TCPEXT_SYNCOOKIESSENT = untyped "host_netstat_TcpExt_SyncookiesSent" from "TcpExt_SyncookiesSent", Count, "/proc/net/netstat";
    /// SYN and SYN/ACK segments sent again.
    TCPEXT_TCPSYNRETRANS = untyped "host_netstat_TcpExt_TCPSynRetrans" from "TcpExt_TCPSynRetrans", Count, "/proc/net/netstat";
    /// TCP timeouts.
    TCPEXT_TCPTIMEOUTS = untyped "host_netstat_TcpExt_TCPTimeouts" from "TcpExt_TCPTimeouts", Count, "/proc/net/netstat";
    /// Bytes received over IPv4.
    IPEXT_INOCTETS = untyped "host_netstat_IpExt_InOctets" from "IpExt_InOctets", Bytes, "/proc/net/netstat";
    /// Bytes sent over IPv4.
    IPEXT_OUTOCTETS = untyped "host_netstat_IpExt_OutOctets" from "IpExt_OutOctets", Bytes, "/proc/net/netstat";
    /// 1 when the host forwards IPv4 packets, 2 when not.
    IP_FORWARDING = untyped "host_netstat_Ip_Forwarding" from "Ip_Forwarding", State, "/proc/net/snmp";
    /// ICMP messages received with errors.
    ICMP_INERRORS = untyped "host_netstat_Icmp_InErrors" from "Icmp_InErrors", Count, "/proc/net/snmp";
    /// ICMP messages received.
    ICMP_INMSGS = untyped "host_netstat_Icmp_InMsgs" from "Icmp_InMsgs", Count, "/proc/net/snmp";
    /// ICMP messages sent.
    ICMP_OUTMSGS = untyped "host_netstat_Icmp_OutMsgs" from "Icmp_OutMsgs", Count, "/proc/net/snmp";
    /// TCP connections opened from here.
    TCP_ACTIVEOPENS = untyped "host_netstat_Tcp_ActiveOpens" from "Tcp_ActiveOpens", Count, "/proc/net/snmp";
    /// TCP connections established now.
    TCP_CURRESTAB = untyped "host_netstat_Tcp_CurrEstab" from "Tcp_CurrEstab", Count, "/proc/net/snmp";
    /// TCP segments received with errors.
    TCP_INERRS = untyped "host_netstat_Tcp_InErrs" from "Tcp_InErrs", Count, "/proc/net/snmp";
    /// TCP segments received.
    TCP_INSEGS = untyped "host_netstat_Tcp_InSegs" from "Tcp_InSegs", Count, "/proc/net/snmp";
    /// TCP segments sent with RST.
    TCP_OUTRSTS = untyped "host_netstat_Tcp_OutRsts" from "Tcp_OutRsts", Count, "/proc/net/snmp";
    /// TCP segments sent.
    TCP_OUTSEGS = untyped "host_netstat_Tcp_OutSegs" from "Tcp_OutSegs", Count, "/proc/net/snmp";
    /// TCP connections opened from elsewhere.
    TCP_PASSIVEOPENS = untyped "host_netstat_Tcp_PassiveOpens" from "Tcp_PassiveOpens", Count, "/proc/net/snmp";
    /// TCP segments sent again.
    TCP_RETRANSSEGS = untyped "host_netstat_Tcp_RetransSegs" from "Tcp_RetransSegs", Count, "/proc/net/snmp";
    /// UDP datagrams received.
    UDP_INDATAGRAMS = untyped "host_netstat_Udp_InDatagrams" from "Udp_InDatagrams", Count, "/proc/net/snmp";
    /// UDP datagrams received with errors.
    UDP_INERRORS = untyped "host_netstat_Udp_InErrors" from "Udp_InErrors", Count, "/proc/net/snmp";
    /// UDP datagrams received for a port that nobody listens on.
    UDP_NOPORTS = untyped "host_netstat_Udp_NoPorts" from "Udp_NoPorts", Count, "/proc/net/snmp";
    /// UDP datagrams sent.
    UDP_OUTDATAGRAMS = untyped "host_netstat_Udp_OutDatagrams" from "Udp_OutDatagrams", Count, "/proc/net/snmp";
    /// UDP datagrams lost because a receive buffer was full.
    UDP_RCVBUFERRORS = untyped "host_netstat_Udp_RcvbufErrors" from "Udp_RcvbufErrors", Count, "/proc/net/snmp";
    /// UDP datagrams lost because a send buffer was full.
    UDP_SNDBUFERRORS = untyped "host_netstat_Udp_SndbufErrors" from "Udp_SndbufErrors", Count, "/proc/net/snmp";
    /// UDP-Lite datagrams received with errors.
    UDPLITE_INERRORS = untyped "host_netstat_UdpLite_InErrors" from "UdpLite_InErrors", Count, "/proc/net/snmp";
    /// Bytes received over IPv6.
    IP6_INOCTETS = untyped "host_netstat_Ip6_InOctets" from "Ip6_InOctets", Bytes, "/proc/net/snmp6";
    /// Bytes sent over IPv6.
    IP6_OUTOCTETS = untyped "host_netstat_Ip6_OutOctets" from "Ip6_OutOctets", Bytes, "/proc/net/snmp6";
    /// ICMPv6 messages received with errors.
    ICMP6_INERRORS = untyped "host_netstat_Icmp6_InErrors" from "Icmp6_InErrors", Count, "/proc/net/snmp6";
    /// ICMPv6 messages received.
    ICMP6_INMSGS = untyped "host_netstat_Icmp6_InMsgs" from "Icmp6_InMsgs", Count, "/proc/net/snmp6";
    /// ICMPv6 messages sent.
    ICMP6_OUTMSGS = untyped "host_netstat_Icmp6_OutMsgs" from "Icmp6_OutMsgs", Count, "/proc/net/snmp6";
    /// UDP datagrams received over IPv6.
    UDP6_INDATAGRAMS = untyped "host_netstat_Udp6_InDatagrams" from "Udp6_InDatagrams", Count, "/proc/net/snmp6";
    /// UDP datagrams received over IPv6 with errors.
    UDP6_INERRORS = untyped "host_netstat_Udp6_InErrors" from "Udp6_InErrors", Count, "/proc/net/snmp6";
    /// UDP datagrams received over IPv6 for a port that nobody listens on.
    UDP6_NOPORTS = untyped "host_netstat_Udp6_NoPorts" from "Udp6_NoPorts", Count, "/proc/net/snmp6";
    /// UDP datagrams sent over IPv6.
    UDP6_OUTDATAGRAMS = untyped "host_netstat_Udp6_OutDatagrams" from "Udp6_OutDatagrams", Count, "/proc/net/snmp6";
    /// UDP datagrams lost over IPv6 because a receive buffer was full.
    UDP6_RCVBUFERRORS = untyped "host_netstat_Udp6_RcvbufErrors" from "Udp6_RcvbufErrors", Count, "/proc/net/snmp6";
    /// UDP datagrams lost over IPv6 because a send buffer was full.
    UDP6_SNDBUFERRORS = untyped "host_netstat_Udp6_SndbufErrors" from "Udp6_SndbufErrors", Count, "/proc/net/snmp6";
    /// UDP-Lite datagrams received over IPv6 with errors.
    UDPLITE6_INERRORS = untyped "host_netstat_UdpLite6_InErrors" from "UdpLite6_InErrors", Count, "/proc/net/snmp6";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for (file, read) in [("net/netstat", Format::Pairs), ("net/snmp", Format::Pairs), ("net/snmp6", Format::Lines)] {
        let Some(text) = state.read_optional(&state.proc(file))? else { continue };
        for (protocol, name, value) in read.fields(&text) {
            put(state, part, &format!("{protocol}_{name}"), value);
        }
    }
    Ok(())
}

fn put(state: &mut State, part: &mut PartBuilder, field: &str, value: f64) {
    match text::row_of(FIELDS, field) {
        Some(row) => part.put(row, [], value),
        None if is_wanted(field) => {
            state.put_field(
                part,
                &format!("host_netstat_{field}"),
                Kind::Untyped,
                "/proc/net/{netstat,snmp,snmp6}",
                value,
            );
        }
        None => {}
    }
}

/// What newer kernels may add to the rows above, by the open ends of node_exporter's default pattern.
fn is_wanted(field: &str) -> bool {
    field.ends_with("_InErrors")
        || field.ends_with("_InErrs")
        || field.starts_with("TcpExt_Listen")
        || field.starts_with("TcpExt_Syncookies")
}

enum Format {
    Pairs,
    Lines,
}

impl Format {
    fn fields<'a>(&self, text: &'a str) -> Box<dyn Iterator<Item = (&'a str, &'a str, f64)> + 'a> {
        match self {
            Self::Pairs => Box::new(text::header_pairs(text)),
            Self::Lines => Box::new(text::lines(text).filter_map(|(first, mut words)| {
                // `Ip6InReceives`: the protocol ends with its 6.
                let (protocol, name) = first.split_at(first.find('6')? + 1);
                Some((protocol, name, number(words.next()?)?))
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_names_are_split_behind_the_6() {
        let text = "Ip6InOctets   128\nIcmp6OutType133  2\nUdpLite6InErrors 3\nodd 1\n";
        let found: Vec<_> = Format::Lines.fields(text).collect();
        assert_eq!(found, [("Ip6", "InOctets", 128.0), ("Icmp6", "OutType133", 2.0), ("UdpLite6", "InErrors", 3.0)]);
    }
}
