"""Messages for people: formats of chats, in which a stranger's texts are escaped and cut."""
