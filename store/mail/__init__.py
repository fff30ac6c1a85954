"""Mails in and out, with their attachments."""
