from dispatcher.web.protos.zitadel import object_pb2 as _object_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NotificationPolicy(_message.Message):
    __slots__ = ("details", "is_default", "password_change")
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    PASSWORD_CHANGE_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.ObjectDetails
    is_default: bool
    password_change: bool
    def __init__(self, details: _Optional[_Union[_object_pb2.ObjectDetails, _Mapping]] = ..., is_default: _Optional[bool] = ..., password_change: _Optional[bool] = ...) -> None: ...
