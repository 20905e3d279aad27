package layertest_test

// defect is the one thing a model layer does wrong.
type defect string

const none defect = ""

// defects lists each with the case that must fail, alone.
var defects = []struct {
	defect defect
	fails  string
}{
	{"a type's dots become underscores", "send"},
	{"a key is lost", "send"},
	{"Send to an ended channel is an error", "send-gone"},
	{"GroupSend swallows a refused message", "send-refused"},
	{"encodings are cached by the map's identity", "send-copies"},
	{"Send leaves a key in the caller's map", "send-copies"},
	{"each 150th message is sent twice", "send-once"},
	{"a Send beside another is dropped", "send-concurrent"},

	{"whole floats become integers", "values"},
	{"integers pass through float64", "values"},
	{"bytes become text", "values"},
	{"NaN becomes nil", "values"},
	{"64 KiB is the limit", "values-large"},

	{"each 80th Send is late", "order"},
	{"each 50th GroupSend is late", "order-group"},

	{"Send to a full named channel returns nil", "full-refuses"},
	{"a full channel drops the oldest", "full-newest"},
	{"full until it is empty", "full-recovers"},
	{"capacity is shared", "full-siblings"},
	{"GroupSend returns ErrFull", "full-group"},
	{"GroupSend stops at a full member", "full-members"},
	{"ChannelCapacity is ignored", "channel-capacity"},
	{"ChannelCapacity's last entry wins", "channel-capacity"},

	{"messages never expire", "expiry"},
	{"messages expire at half-time", "expiry-young"},
	{"expired messages count for capacity", "expiry-room"},
	{"unread channels stay", "expiry-unread"},

	{"GroupSend stops after 128 members", "group"},
	{"groups are folded", "group-exact"},
	{"a group's dots become underscores", "group-exact"},
	{"GroupSend to nobody is an error", "group-nobody"},
	{"GroupSend once more reaches who left", "group-discard"},
	{"GroupDiscard leaves all groups", "group-discard-one"},
	{"GroupDiscard of a stranger is an error", "group-discard-stranger"},
	{"GroupAdd twice is two members", "group-add-twice"},
	{"GroupAdd is counted", "group-add-twice"},
	{"a new group begins with a gap", "gap-in-peace"},
	{"the second to join does not wait", "group-add-waits"},
	{"GroupAdd of an unknown channel returns nil", "group-add-unknown"},
	{"GroupAdd looks first and adds later", "no-ghosts"},
	{"an ended channel leaves its first group only", "no-ghosts"},
	{"empty groups stay", "no-ghosts"},

	{"named channels are folded", "named"},
	{"two waiting receivers get a message each", "named-one-receiver"},
	{"groups skip named channels", "named-in-group"},
	{"named channels stay in groups", "named-in-group"},
	{"named channels keep n and no other key", "values"},
	{"a channel is forgotten under its receiver", "named-waiter"},
	{"Receive takes specific names for unknown", "named-only"},
	{"a cancelled Receive goes on reading", "receive-cancel"},
	{"Receive ignores its ctx", "receive-cancel"},
	{"a cancelled Receive has an error of its own", "receive-cancel"},

	{"channels are numbered", "names-unique"},
	{"a channel's name may end in a newline", "names-channel"},
	{"a channel's name may have 100 bytes", "names-channel"},
	{"a group's name may end in a newline", "names-group"},
	{"a group's name may have 64 bytes", "names-group"},

	{"GroupSend ignores ctx", "context"},
	{"NewChannel ignores ctx", "context"},
	{"Flush ignores ctx", "context"},
	{"Flush forgets messages only", "flush"},
	{"Flush forgets memberships only", "flush"},
	{"Flush keeps named channels", "flush"},
	{"Close leaves mailboxes open", "close-waiters"},
	{"Send after Close returns nil", "close-calls"},
	{"a second Close is an error", "close-calls"},
	{"Flush after Close returns nil", "close-calls"},
	{"Receive after Close waits", "close-calls"},

	{"messages to nobody are not counted", "conservation"},
	{"a group's message counts once", "conservation"},
	{"refused messages count as sent", "conservation"},
}

// twoDefects are those of relays and their hub, in what goes on between processes.
var twoDefects = []struct {
	defect defect
	fails  string
}{
	{"a group's message reaches all groups of other processes", "group"},
	{"this process' members get a group's message at once, and again", "group"},
	{"GroupSend goes nowhere if nobody here is in the group", "group-far"},
	{"the second to join in a process does not wait", "group-join"},
	{"another process' message once more reaches who left", "group-leave"},
	{"leaving a group ends all memberships in the process", "group-leave"},
	{"a full member ends another process' message", "group-full"},
	{"joining what others are in begins with a gap", "gap-in-peace"},

	{"channels are numbered in each process", "names-unique"},
	{"GroupAdd of another process' channel returns nil", "group-add-unknown"},
	{"ended channels stay in groups", "no-ghosts"},

	{"Send reaches this process' channels only", "send"},
	{"a message reaches all channels of its process", "send"},
	{"a key is lost on the way", "send"},
	{"Send to a channel that is nowhere is an error", "send-gone"},
	{"each 25th parcel comes twice", "send-once"},
	{"each 25th parcel is lost", "send-once"},
	{"each 20th parcel is late", "order"},
	{"bytes become text on the way", "values"},
	{"whole floats become integers on the way", "values"},
	{"64 KiB is the limit on the way", "values-large"},

	{"named channels are each process' own", "named"},
	{"a named channel's message goes to a receiver in each process", "named-one-receiver"},
	{"named channels are members in their own process only", "named-in-group"},
	{"Send to a full named channel returns nil", "named-full"},

	{"messages do not expire", "expiry"},
	{"named channels' messages do not expire", "expiry"},
	{"Close tells all to end", "close"},
	{"GroupSend fails once a process is dead", "killed"},

	{"messages to nobody are not counted in either process", "conservation"},
	{"copies are counted where they were sent, which is nowhere", "conservation"},
}
