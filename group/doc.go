// Package group knows which members are in which groups, and what a group may be called. It knows nothing of messages:
// a [Registry] holds values of any type, and whoever wants to send to a group asks for its [Registry.Members].
//
//	var r group.Registry[*Client]
//	m := r.NewMember(client)
//	err := r.Add(ctx, group.Name("room", title), m)
//	for _, c := range r.Members(group.Name("room", title)) { ... }
//	m.Close()
//
// Members is made for broadcasting: it copies nothing, and the snapshot it returns may be walked without a lock while
// members come and go. A member that is closed is in no group, even if an Add races its end.
//
// An adapter to a broker sets [Registry.Changed] to subscribe where a group has members on this machine. It is not told
// edges but the truth, one call at a time for each group, so it needs no bookkeeping of its own.
//
// The only goroutines are those that call Changed: a Registry starts one for a group that has something to tell, it ends
// when that is told, and [Registry.Wait] waits for all of them. Without Changed there are none.
package group
