from dispatcher.web.protos.zitadel import object_pb2 as _object_pb2
from dispatcher.web.protos.zitadel import options_pb2 as _options_pb2
from dispatcher.web.protos.zitadel import policy_pb2 as _policy_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class HealthzRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class HealthzResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetNotificationPolicyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetNotificationPolicyResponse(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.NotificationPolicy
    def __init__(self, policy: _Optional[_Union[_policy_pb2.NotificationPolicy, _Mapping]] = ...) -> None: ...

class GetDefaultNotificationPolicyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetDefaultNotificationPolicyResponse(_message.Message):
    __slots__ = ("policy",)
    POLICY_FIELD_NUMBER: _ClassVar[int]
    policy: _policy_pb2.NotificationPolicy
    def __init__(self, policy: _Optional[_Union[_policy_pb2.NotificationPolicy, _Mapping]] = ...) -> None: ...

class AddCustomNotificationPolicyRequest(_message.Message):
    __slots__ = ("password_change",)
    PASSWORD_CHANGE_FIELD_NUMBER: _ClassVar[int]
    password_change: bool
    def __init__(self, password_change: _Optional[bool] = ...) -> None: ...

class AddCustomNotificationPolicyResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.ObjectDetails
    def __init__(self, details: _Optional[_Union[_object_pb2.ObjectDetails, _Mapping]] = ...) -> None: ...

class UpdateCustomNotificationPolicyRequest(_message.Message):
    __slots__ = ("password_change",)
    PASSWORD_CHANGE_FIELD_NUMBER: _ClassVar[int]
    password_change: bool
    def __init__(self, password_change: _Optional[bool] = ...) -> None: ...

class UpdateCustomNotificationPolicyResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.ObjectDetails
    def __init__(self, details: _Optional[_Union[_object_pb2.ObjectDetails, _Mapping]] = ...) -> None: ...

class ResetNotificationPolicyToDefaultRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResetNotificationPolicyToDefaultResponse(_message.Message):
    __slots__ = ("details",)
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    details: _object_pb2.ObjectDetails
    def __init__(self, details: _Optional[_Union[_object_pb2.ObjectDetails, _Mapping]] = ...) -> None: ...
