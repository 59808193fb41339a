package Chromium;

# A headless Chromium, driven over its debugging protocol: for the pages that
# nginx serves.
#
#     my $page = Chromium->new($folder) or skip ...;
#     $page->open('http://127.0.0.1:8080/status');
#     $page->until('document.title === "x"');
#     my $text = $page->eval('document.body.innerText');
#     my @errors = $page->complaints;
#
# new() returns nothing if there is no Chromium.  Time and clicks are real;
# until() asks again until the expression is true, for at most half a minute.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use IO::Select ();
use IO::Socket::INET ();
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use Time::HiRes qw(sleep time);

my $Json = JSON::PP->new->allow_nonref->utf8(0);
my $Test = $$;
my @Running;

END {
    local $?;
    $_->end for @Running;
}

sub binary {
    for my $name (qw(chromium chromium-browser google-chrome)) {
        for my $folder (split /:/, $ENV{PATH}) {
            return "$folder/$name" if -x "$folder/$name";
        }
    }
    return;
}

sub new {
    my ($class, $folder) = @_;
    my $binary = binary() or return;

    remove_tree($folder);
    make_path($folder);

    my $pid = fork // die "fork: $!";

    if ($pid == 0) {
        setpgrp;
        $ENV{HOME} = $folder;
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$folder/output";
        open STDERR, '>&', \*STDOUT;

        # A user of its own and a large /dev/shm are more than a container
        # may have.
        exec $binary, '--headless=new', '--no-sandbox', '--disable-gpu',
             '--disable-dev-shm-usage', '--no-first-run', '--mute-audio',
             '--disable-background-networking', '--disable-sync',
             '--disable-component-update', '--disable-extensions',
             '--no-default-browser-check', '--hide-scrollbars',
             "--user-data-dir=$folder/profile", '--remote-debugging-port=0',
             '--window-size=1280,1000', 'about:blank' or POSIX::_exit(99);
    }

    my $self = bless {pid => $pid, id => 0, events => [],
                      folder => $folder}, $class;
    push @Running, $self;

    my $file = "$folder/profile/DevToolsActivePort";
    my $end = time + 60;

    sleep 0.05 while !-s $file && time < $end;

    open my $in, '<', $file or return;
    chomp(my ($port, $path) = <$in>);
    close $in;

    my ($target) = $self->http($port, '/json/list')
                   =~ m{"webSocketDebuggerUrl":\s*"ws://[^/]+(/devtools/page/[^"]+)"}
        or return;

    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                            PeerPort => $port) or return;
    $self->{buffer} = '';

    my $key = encode_base64(pack('N4', map { rand 2 ** 32 } 1 .. 4), '');

    $self->{socket}->syswrite("GET $target HTTP/1.1\r\nHost: 127.0.0.1:$port"
        . "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Key: $key\r\nSec-WebSocket-Version: 13\r\n\r\n");

    $self->receive($end) while $self->{buffer} !~ s/^.*?\r\n\r\n//s;

    $self->call("$_.enable") for qw(Page Runtime Log Network);

    return $self;
}

sub http {
    my ($self, $port, $path) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port) or return '';

    $socket->syswrite("GET $path HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");

    my $answer = '';

    while (sysread $socket, $answer, 1 << 16, length $answer) {
        last if $answer =~ /^content-length:\s*(\d+)\r\n.*?\r\n\r\n(.*)/ims
                && length $2 >= $1;
    }
    return $answer;
}

sub end {
    my $self = shift;

    return if $$ != $Test || !$self->{pid};

    my $pid = delete $self->{pid};

    # with all of its own processes
    kill KILL => -$pid;
    waitpid $pid, 0;
    remove_tree("$self->{folder}/profile");
}


# --- the protocol ---------------------------------------------------------

sub receive {
    my ($self, $end) = @_;
    my $wait = $end - time;

    die "Chromium does not answer\n"
        if $wait <= 0 || !IO::Select->new($self->{socket})->can_read($wait);
    sysread($self->{socket}, $self->{buffer}, 1 << 16, length $self->{buffer})
        or die "Chromium has gone\n";
}

# One message, of frames of texts (RFC 6455).
sub message {
    my ($self, $end) = @_;
    my $message = '';

    while (1) {
        my $need = sub {
            $self->receive($end) while length $self->{buffer} < $_[0];
        };

        $need->(2);
        my ($first, $length) = unpack 'CC', $self->{buffer};
        my $head = 2;

        if ($length == 126) {
            $need->($head = 4);
            $length = unpack 'x2n', $self->{buffer};
        } elsif ($length == 127) {
            $need->($head = 10);
            $length = unpack 'x2Q>', $self->{buffer};
        }

        $need->($head + $length);
        substr $self->{buffer}, 0, $head, '';
        $message .= substr $self->{buffer}, 0, $length, '';

        last if $first & 0x80;
    }

    return JSON::PP::decode_json($message);
}

sub call {
    my ($self, $method, %params) = @_;
    my $id = ++$self->{id};
    my $end = time + 30;
    my $text = JSON::PP::encode_json({id => $id, method => $method,
                                      params => \%params});
    my $length = length $text;

    # A mask of zeros leaves the text as it is.
    my $frame = "\x81"
        . ($length < 126 ? chr(0x80 | $length)
           : $length < 65536 ? pack('Cn', 0xfe, $length)
           : pack('CQ>', 0xff, $length))
        . "\0\0\0\0" . $text;

    my $sent = 0;
    while ($sent < length $frame) {
        $sent += $self->{socket}->syswrite($frame, length($frame) - $sent,
                                           $sent) // die "write: $!";
    }

    while (1) {
        my $message = $self->message($end);

        if (!$message->{id}) {
            push @{$self->{events}}, $message;
            next;
        }

        next if $message->{id} != $id;
        die "$method: $message->{error}{message}\n" if $message->{error};
        return $message->{result};
    }
}


# --- pages ----------------------------------------------------------------

sub open {
    my ($self, $url) = @_;

    $self->{events} = [];
    $self->call('Page.navigate', url => $url);
    $self->until('document.readyState === "complete"');
}

# The value of an expression, after its promise if it is one.
sub eval {
    my ($self, $expression) = @_;
    my $result = $self->call('Runtime.evaluate', expression => $expression,
                             returnByValue => JSON::PP::true,
                             awaitPromise => JSON::PP::true);

    if (my $error = $result->{exceptionDetails}) {
        die "$expression: ",
            $error->{exception}{description} // $error->{text}, "\n";
    }
    return $result->{result}{value};
}

sub until {
    my ($self, $expression) = @_;
    my $end = time + 30;

    while (time < $end) {
        my $value = eval { $self->eval($expression) };
        return $value if $value;
        sleep 0.05;
    }
    return;
}

sub key {
    my ($self, $key, %more) = @_;
    my %code = (Tab => 9, Enter => 13, Escape => 27, ' ' => 32, End => 35,
                Home => 36, ArrowLeft => 37, ArrowRight => 39);
    my %event = (key => $key, windowsVirtualKeyCode => $code{$key} // 0,
                 $key eq 'Enter' ? (text => "\r") : (),
                 $key eq ' ' ? (text => ' ') : (), %more);

    $self->call('Input.dispatchKeyEvent', type => 'keyDown', %event);
    delete $event{text};
    $self->call('Input.dispatchKeyEvent', type => 'keyUp', %event);
}

# width, height, dark, scale
sub emulate {
    my ($self, %with) = @_;

    $self->call('Emulation.setDeviceMetricsOverride',
                width => $with{width} // 1280, height => $with{height} // 1000,
                deviceScaleFactor => $with{scale} // 1,
                mobile => $with{mobile} ? JSON::PP::true : JSON::PP::false);
    $self->call('Emulation.setEmulatedMedia',
                features => [{name => 'prefers-color-scheme',
                              value => $with{dark} ? 'dark' : 'light'}]);
}

# The whole page, as a PNG file.
sub screenshot {
    my ($self, $file) = @_;
    my $result = $self->call('Page.captureScreenshot', format => 'png',
                             captureBeyondViewport => JSON::PP::true);

    CORE::open my $out, '>:raw', $file or die "$file: $!";
    print $out decode_base64($result->{data});
    close $out;
}

# What is in the console at level warning and error, and what was not caught.
sub complaints {
    my $self = shift;
    my @found;

    $self->eval('1');       # what came before it has been received then

    for my $event (@{$self->{events}}) {
        my $p = $event->{params};

        if ($event->{method} eq 'Runtime.exceptionThrown') {
            push @found, 'exception: '
                . ($p->{exceptionDetails}{exception}{description}
                   // $p->{exceptionDetails}{text});

        } elsif ($event->{method} eq 'Runtime.consoleAPICalled'
                 && $p->{type} =~ /^(?:error|warning|assert)$/)
        {
            push @found, "$p->{type}: "
                . join ' ', map { $_->{value} // $_->{description} // '' }
                                @{$p->{args}};

        } elsif ($event->{method} eq 'Log.entryAdded'
                 && $p->{entry}{level} =~ /^(?:error|warning)$/)
        {
            push @found, "$p->{entry}{source}: $p->{entry}{text}";
        }
    }

    return @found;
}

# What the page has asked for, besides itself.
sub requested {
    my $self = shift;

    $self->eval('1');
    return map { $_->{params}{request}{url} }
           grep { $_->{method} eq 'Network.requestWillBeSent' }
                @{$self->{events}};
}

1;
